"""One block of users, from its random stream to columns ready to be written.

Blocks are independent: a block is the same whichever process makes it, and in whichever order.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ctrbench.data.schema import REAL_CLICK, REAL_CLICK_LABEL, Split
from ctrbench.prepare import guard
from ctrbench.prepare.card import SplitSettings
from ctrbench.prepare.oncold.clicks import Truth, draw_outcome, true_probabilities
from ctrbench.prepare.oncold.exposure import Impressions, make_impressions
from ctrbench.prepare.oncold.population import Users, make_users
from ctrbench.prepare.oncold.settings import Parameters
from ctrbench.prepare.oncold.streams import block_stream
from ctrbench.prepare.oncold.world import World, make_world
from ctrbench.prepare.rows import histories
from ctrbench.prepare.split import calendar

BLOCK_USERS = 2048
"""Users per block: part of the algorithm, since it decides which stream draws which user."""

Columns = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The simulation to run."""

    parameters: Parameters
    split: SplitSettings
    users: int
    items: int
    seed: int

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.users // BLOCK_USERS)

    def world(self) -> World:
        """The world of all blocks."""
        return make_world(self.parameters, self.items, self.seed)


@dataclass(frozen=True)
class Block:
    """The columns of one block, named and typed as in :mod:`ctrbench.data.schema`."""

    rows: Columns
    """``start`` counts from the block's own first click."""
    sequence: Columns
    users: Columns
    truth: Columns


@dataclass(frozen=True)
class Scene:
    """The users of a block, what they are shown and how likely they react; ``stream`` goes on to draw what they do."""

    users: Users
    shown: Impressions
    truth: Truth
    stream: np.random.Generator


def make_scene(plan: Plan, number: int) -> Scene:
    """Draws block ``number`` of a plan up to the users' reactions."""
    world, stream = plan.world(), block_stream(plan.seed, number)
    users = make_users(plan.parameters, world, min(BLOCK_USERS, plan.users - number * BLOCK_USERS), stream)
    shown = make_impressions(plan.parameters, world, users, stream)
    return Scene(users, shown, true_probabilities(plan.parameters, world, users, shown), stream)


def make_block(plan: Plan, number: int) -> Block:
    """Simulates block ``number`` of a plan, and checks it.

    Raises:
        CtrbenchError: the guard found a broken promise.
    """
    first, scene = number * BLOCK_USERS, make_scene(plan, number)
    users, shown, truth = scene.users, scene.shown, scene.truth
    outcome = draw_outcome(truth, scene.stream)
    start, length = histories(shown.user, shown.second, outcome.click, apart=True)
    first_test_day = plan.parameters.days - plan.split.test_days
    split = calendar(shown.second, first_test_day, plan.split.validation_days)
    first_holdout_day = first_test_day - plan.split.validation_days - plan.split.test_days
    held_out = (calendar(shown.second, first_holdout_day, 0) == Split.TEST) & (split == Split.TRAIN)
    age, surfaces = users.age[shown.user], len(plan.parameters.behaviour.surfaces)
    rows = {
        "user": (shown.user + first + 1).astype(np.int32),
        "item": (shown.item + 1).astype(np.int32),
        "click": outcome.click.astype(np.int8),
        "conversion": outcome.conversion.astype(np.int8),
        "start": start,
        "length": length,
        "time": plan.parameters.epoch + shown.second,
        "split": split,
        "search_holdout": held_out.astype(np.int8),
        "surface": (shown.surface + 1).astype(np.int32),
        "surface_group": shown.surface.astype(np.int16),
        "age_surface_group": (age * surfaces + shown.surface).astype(np.int16),
    }
    sequence = rows["item"][outcome.click]
    guard.check(pa.table(rows), sequence, label="click", sampled=False, apart=True)
    return Block(
        rows=rows,
        sequence={"item": sequence},
        users=user_columns(users),
        truth={
            "click": truth.click,
            "conversion": truth.conversion,
            REAL_CLICK: truth.real_click,
            REAL_CLICK_LABEL: outcome.real_click.astype(np.int8),
        },
    )


def user_columns(users: Users) -> Columns:
    """The columns of users.parquet for a block's users."""
    return {
        "age": (users.age + 1).astype(np.int32),
        "user_value": (users.value + 1).astype(np.int32),
        "age_group": users.age.astype(np.int16),
        "user_value_group": users.value.astype(np.int16),
        "user_value_percentile": users.value_percentile.astype(np.int16),
    }
