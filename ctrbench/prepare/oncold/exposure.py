"""The impressions: which item is shown to which user, when and where.

A user's impressions fall on days that are uniform from arrival on, within a day by the density
``1 + daily_rhythm * cos(2 pi (hour - 20) / 24)``. A targeted impression draws a cluster from the user's interests and
an item of the cluster by exposure weight; any other draws among all items launched by then, by exposure weight alone.

Shape: R impressions of the block, by user, in time order.
"""

from dataclasses import dataclass

import numpy as np

from ctrbench.prepare.oncold.population import Users
from ctrbench.prepare.oncold.settings import SECONDS_PER_DAY, Parameters
from ctrbench.prepare.oncold.streams import categorical
from ctrbench.prepare.oncold.world import World

PEAK_HOUR = 20


@dataclass(frozen=True)
class Impressions:
    """What is known about each impression before the user reacts."""

    user: np.ndarray
    """(R,) position of the user in the block, ascending."""
    second: np.ndarray
    """(R,) seconds since the first day's midnight; ascending within a user."""
    surface: np.ndarray
    """(R,) code."""
    item: np.ndarray
    """(R,) position in the catalogue."""


def make_impressions(settings: Parameters, world: World, users: Users, stream: np.random.Generator) -> Impressions:
    """Draws the impressions of a block."""
    behaviour = settings.behaviour
    user = np.repeat(np.arange(len(users.impressions)), users.impressions)
    second = _seconds(settings, users.arrival[user], stream)
    second = second[np.argsort(user * (settings.days * SECONDS_PER_DAY) + second, kind="stable")]
    surface = categorical(np.array([surface.share for surface in behaviour.surfaces]), stream.random(len(user)))
    day, edges = second // SECONDS_PER_DAY, world.exposure.edges
    cluster = _interest(users, user, stream.random(len(user)))
    targeted = stream.random(len(user)) < behaviour.targeted
    low, high = np.where(targeted, edges[day, cluster], 0.0), np.where(targeted, edges[day, cluster + 1], 1.0)
    item = world.exposure.draw(day, low, high, stream.random(len(user)))
    return Impressions(user, second, surface, item)


def _seconds(settings: Parameters, arrival: np.ndarray, stream: np.random.Generator) -> np.ndarray:
    day = arrival + np.floor((settings.days - arrival) * stream.random(len(arrival))).astype(np.int64)
    hour = np.linspace(0, 24, 24 * 60 + 1)
    phase = 2 * np.pi / 24
    wave = np.sin(phase * (hour - PEAK_HOUR)) - np.sin(-phase * PEAK_HOUR)
    cumulative = (hour + settings.behaviour.daily_rhythm * wave / phase) / 24
    second = np.interp(stream.random(len(arrival)), cumulative, hour * 3600).astype(np.int64)
    return day * SECONDS_PER_DAY + np.minimum(second, SECONDS_PER_DAY - 1)


def _interest(users: Users, user: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """A cluster (R,) of each row's user, drawn by the weights of the user's interests."""
    reached = np.cumsum(users.interest_weights[:, :-1], axis=1)[user] <= uniform[:, None]
    return users.interests[user, reached.sum(axis=1)]
