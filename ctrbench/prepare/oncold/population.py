"""The users of a block.

With ``z, e ~ N(0, 1)``: activity ``exp(spread * z - spread^2 / 2)`` (lognormal, mean 1); value
``r * z + sqrt(1 - r^2) * e``; impressions ``1 + Poisson((mean - 1) * activity * presence / E[presence])``, presence
the share of the days since arrival. Module ``interests`` draws interests and weights by the age group's preferences;
the taste vector is ``unit(unit(sum of weight * centre) + noise)``.

Shape: U users of the block, I most interests a user can have, D dimensions.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from ctrbench.prepare.oncold.interests import draw_leanings, share_profiles
from ctrbench.prepare.oncold.settings import Parameters
from ctrbench.prepare.oncold.streams import categorical, unit
from ctrbench.prepare.oncold.world import World


@dataclass(frozen=True)
class Users:
    """The users of one block."""

    age: np.ndarray
    """(U,) code."""
    value: np.ndarray
    """(U,) code of the value group."""
    value_percentile: np.ndarray
    """(U,) code of the finer value bucket."""
    arrival: np.ndarray
    """(U,) first day."""
    impressions: np.ndarray
    """(U,) at least 1."""
    click: np.ndarray
    """(U,) own log-odds of a real click."""
    interests: np.ndarray
    """(U, I) clusters."""
    interest_weights: np.ndarray
    """(U, I) sum to 1; 0 beyond the user's number of interests."""
    vector: np.ndarray
    """(U, D) of length 1."""


def make_users(settings: Parameters, world: World, users: int, stream: np.random.Generator) -> Users:
    """Draws the users of a block."""
    population = settings.population
    age = categorical(np.array([age.share for age in population.ages]), stream.random(users))
    activity = stream.standard_normal(users)
    correlation = population.value_activity_correlation
    value = correlation * activity + np.sqrt(1 - correlation**2) * stream.standard_normal(users)
    late = stream.random(users) < population.late_share
    arrival = np.where(late, stream.integers(0, settings.days, users), 0)
    # A stream of its own leaves all other draws as they are, whatever the clustering.
    alone = draw_leanings(settings, users, stream)
    leanings = share_profiles(alone, world.profiles, settings.clustering, stream.spawn(1)[0])
    interests, weights = leanings.ranked(world.interest[age]), leanings.weights
    noise = stream.standard_normal((users, world.centres.shape[1])) / np.sqrt(world.centres.shape[1])
    taste = (weights[:, :, None] * world.centres[interests]).sum(axis=1)
    return Users(
        age=age,
        value=_normal_group(value, len(population.values)),
        value_percentile=_normal_group(value, population.value_percentiles),
        arrival=arrival,
        impressions=1 + stream.poisson(_expected_impressions(settings, activity, arrival)),
        click=population.click_spread * stream.standard_normal(users),
        interests=interests,
        interest_weights=weights,
        vector=unit(unit(taste) + population.interest_noise * noise),
    )


def _expected_impressions(settings: Parameters, activity: np.ndarray, arrival: np.ndarray) -> np.ndarray:
    population = settings.population
    spread, days = population.activity_spread, settings.days
    presence = (days - arrival) / days
    mean_presence = 1 - population.late_share * (days - 1) / (2 * days)
    rate = np.exp(spread * activity - spread**2 / 2)
    return (settings.impressions_per_user - 1) * rate * presence / mean_presence


def _normal_group(values: np.ndarray, groups: int) -> np.ndarray:
    """Codes of equally likely groups of standard normal values: a block can be cut without knowing the other blocks."""
    normal = NormalDist()
    cuts = np.array([normal.inv_cdf(k / groups) for k in range(1, groups)])
    return np.searchsorted(cuts, values, side="right")
