"""From card to files: processes make blocks side by side, and this process alone writes them in order."""

import math
from collections.abc import Iterator

import joblib
import numpy as np
import pyarrow as pa

from ctrbench.data.schema import ITEMS, ROWS, SEQUENCE, TRUTH, USERS, Manifest, Negatives, Split, SplitCounts
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import guard, split, summary
from ctrbench.prepare.card import Card
from ctrbench.prepare.formats import Request, Simulation
from ctrbench.prepare.oncold.accidents import with_accidents
from ctrbench.prepare.oncold.blocks import Block, Plan, make_block
from ctrbench.prepare.oncold.contrast import contrasted
from ctrbench.prepare.oncold.settings import Parameters
from ctrbench.prepare.oncold.tables import UNKNOWN_USER, cohorts, fields, item_columns
from ctrbench.prepare.writer import Writer

LOOK_AHEAD = 8
"""Blocks per process that may wait to be written; this bounds the memory."""


def prepare(request: Request) -> Manifest:
    """Simulates the dataset into the request's folder; equal scale and seed give equal bytes, with any number of jobs.

    Raises:
        CtrbenchError: :func:`make_plan` or :func:`with_accidents` refuses, or the scale is too small for a click in
            each split.
    """
    simulation = request.simulation or Simulation()
    plan = with_accidents(make_plan(request.card, simulation), simulation.jobs)
    guard.check_groups(request.card.name, cohorts(plan))
    writer, totals = Writer(request.folder), Totals(plan)
    writer.append(USERS, pa.table(UNKNOWN_USER))
    for done, block in enumerate(blocks(plan, simulation.jobs), start=1):
        writer.append(ROWS, pa.table(block.rows | {"start": block.rows["start"] + totals.clicks}))
        writer.append(SEQUENCE, pa.table(block.sequence))
        writer.append(USERS, pa.table(block.users))
        writer.append(TRUTH, pa.table(block.truth))
        totals.add(block)
        request.progress("blocks of users", done, plan.blocks)
    writer.append(ITEMS, pa.table(item_columns(plan.world().items, totals.popularity)))
    files, contents = writer.close()
    return totals.manifest(request, files, contents)


def make_plan(card: Card, simulation: Simulation) -> Plan:
    """The simulation of a card at a scale and seed.

    Raises:
        CtrbenchError: an option of the simulation is out of range; a parameter on the card is unknown, missing or
            mistyped; the split is not by calendar or leaves no training days.
    """
    _check_options(card.name, simulation)
    parameters = contrasted(Parameters.read(card.options, f"{card.name}: options"))
    if card.split.rule != "calendar":
        raise CtrbenchError(f"{card.name}: split.rule {card.split.rule!r} does not fit format oncold-sim; use calendar")
    if card.split.horizon_days or card.conversion:
        raise CtrbenchError(
            f"{card.name}: split.horizon_days and [conversion] do not fit format oncold-sim, whose conversions "
            "are known at once; leave them out"
        )
    if card.split.test_days + card.split.validation_days >= parameters.days:
        raise CtrbenchError(f"{card.name}: the split leaves no day of {parameters.days} to train; raise options.days")
    return Plan(
        parameters=parameters,
        split=card.split,
        users=parameters.users_at(simulation.scale),
        items=parameters.items_at(simulation.scale),
        seed=simulation.seed,
    )


def _check_options(name: str, simulation: Simulation) -> None:
    if not 0 < simulation.scale < math.inf:
        raise CtrbenchError(f"{name}: --scale {simulation.scale} is not above 0; 1 is the full size, try 0.01")
    if simulation.seed < 0:
        raise CtrbenchError(f"{name}: --seed {simulation.seed} is negative; pass 0 or more")
    if simulation.jobs < 1:
        raise CtrbenchError(f"{name}: --jobs {simulation.jobs} is not a number of processes; pass 1 or more")


def blocks(plan: Plan, jobs: int) -> Iterator[Block]:
    """All blocks in order, made by ``jobs`` processes in waves of bounded size.

    A wave is bounded because joblib's generator runs ahead of its reader without limit.
    """
    with joblib.Parallel(n_jobs=jobs, return_as="generator") as parallel:
        wave = LOOK_AHEAD * jobs
        for first in range(0, plan.blocks, wave):
            numbers = range(first, min(first + wave, plan.blocks))
            yield from parallel(joblib.delayed(make_block)(plan, number) for number in numbers)


class Totals:
    """The sums over blocks that the manifest and items.parquet need."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clicks = 0
        self.popularity = np.zeros(plan.items + 1, np.int64)
        self._rows = np.zeros(len(Split), np.int64)
        self._positives = np.zeros(len(Split), np.int64)
        self._search_holdout = np.zeros(2, np.int64)
        self._test_users: list[np.ndarray] = []

    def add(self, block: Block) -> None:
        """Counts a block."""
        rows, clicked = block.rows, block.rows["click"] == 1
        self.clicks += len(block.sequence["item"])
        trained = clicked & (rows["split"] == Split.TRAIN)
        self.popularity += np.bincount(rows["item"][trained], minlength=len(self.popularity))
        self._rows += np.bincount(rows["split"], minlength=len(Split))
        self._positives += np.bincount(rows["split"][clicked], minlength=len(Split))
        self._search_holdout += (int(rows["search_holdout"].sum()), int(rows["search_holdout"][clicked].sum()))
        self._test_users.append(summary.first_test_lengths(rows["user"], rows["length"], rows["split"]))

    def manifest(self, request: Request, files: dict[str, str], contents: dict[str, dict[str, str]]) -> Manifest:
        """The manifest of everything counted."""
        card, plan = request.card, self.plan
        test_users = np.concatenate(self._test_users)
        usable = (self._positives > 0) & (self._positives < self._rows)
        if missing := [part.name.lower() for part in Split if not usable[part]]:
            raise CtrbenchError(
                f"{card.name}: no click, or nothing but clicks, in the rows of {' and '.join(missing)}; pass a larger "
                "--scale"
            )
        return Manifest(
            name=card.name,
            title=card.title,
            labels=("click", "conversion"),
            users=plan.users,
            items=plan.items,
            interactions=int(self._rows.sum()),
            splits={
                part.name.lower(): SplitCounts(rows=int(self._rows[part]), positives=int(self._positives[part]))
                for part in Split
            },
            search_holdout=SplitCounts(rows=int(self._search_holdout[0]), positives=int(self._search_holdout[1])),
            split_rule=split.sentence(card.split),
            fields=fields(plan),
            cohorts=cohorts(plan),
            negatives=Negatives(source="impressions"),
            activeness=summary.activeness(test_users),
            activeness_curve=summary.activeness_curve(test_users),
            mean_click_length=float(self._positives[Split.TRAIN] / plan.users),
            synthetic=True,
            card_hash=request.card_hash(),
            sources={},
            files=files,
            contents=contents,
        )
