"""How users react: true probabilities, clicks, conversions.

With affinity the cosine of the user's and the item's taste vectors::

    P(real click) = sigmoid(click + age + surface + age_surface + value + size + user's own + item's quality
                            + click_taste * age.taste * surface.taste * value.taste * size.taste * affinity)
    P(click)      = 1 - (1 - P(real click)) * (1 - surface.accident)
    P(conversion) = P(real click) * sigmoid(conversion + conversion_taste * affinity + value + size + item's own)

Where the card names a share of accidental clicks, the module ``accidents`` says what ``surface.accident`` is. A real
click stays real if an accident coincides with it; an accidental click alone never converts. On the share ``noise`` of
the impressions nothing of this holds: the user clicks with the probability ``click_rate``, by accident. Which
impressions these are nobody knows, so that the true probabilities are ``(1 - noise)`` times those above, and that of a
click has ``noise * click_rate`` added.

Shape: R impressions of the block.
"""

from dataclasses import dataclass

import numpy as np

from ctrbench.prepare.oncold.exposure import Impressions
from ctrbench.prepare.oncold.population import Users
from ctrbench.prepare.oncold.settings import Parameters
from ctrbench.prepare.oncold.world import World


@dataclass(frozen=True)
class Truth:
    """True probabilities, each (R,) float64 of float32 precision.

    The coarser precision gives the same file on processors whose exponential differs in the last bit.
    """

    real_click: np.ndarray
    click: np.ndarray
    conversion: np.ndarray


@dataclass(frozen=True)
class Outcome:
    """Clicks and conversions, each (R,) bool."""

    real_click: np.ndarray
    """The clicks that are not accidental; conversions are among them."""
    click: np.ndarray
    conversion: np.ndarray


def true_probabilities(settings: Parameters, world: World, users: Users, shown: Impressions) -> Truth:
    """The probabilities of every impression's click and conversion."""
    behaviour, population, items = settings.behaviour, settings.population, world.items
    age, value, size = users.age[shown.user], users.value[shown.user], items.size[shown.item]
    affinity = np.einsum("rd,rd->r", users.vector[shown.user], items.vector[shown.item])
    groups = (
        (population.ages, age),
        (behaviour.surfaces, shown.surface),
        (population.values, value),
        (settings.catalogue.sizes, size),
    )
    click = behaviour.click + world.age_surface[age, shown.surface]
    click += users.click[shown.user] + items.quality[shown.item]
    taste = behaviour.click_taste * affinity
    for names, code in groups:
        click += np.array([group.click for group in names])[code]
        taste *= np.array([group.taste for group in names])[code]
    conversion = behaviour.conversion + behaviour.conversion_taste * affinity + items.conversion[shown.item]
    for segments, code in ((population.values, value), (settings.catalogue.sizes, size)):
        conversion += np.array([segment.conversion for segment in segments])[code]
    accident = np.array([surface.accident for surface in behaviour.surfaces])[shown.surface]
    real, noise = _sigmoid(click + taste), settings.noise
    return Truth(
        real_click=_rounded((1 - noise) * real),
        click=_rounded((1 - noise) * (1 - (1 - real) * (1 - accident)) + noise * behaviour.click_rate),
        conversion=_rounded((1 - noise) * real * _sigmoid(conversion)),
    )


def draw_outcome(truth: Truth, stream: np.random.Generator) -> Outcome:
    """Draws clicks and conversions from the true probabilities."""
    real, accident, conversion = stream.random((3, len(truth.click)))
    clicked = real < truth.real_click
    accidental = accident * (1 - truth.real_click) < truth.click - truth.real_click
    converted = clicked & (conversion * truth.real_click < truth.conversion)
    return Outcome(real_click=clicked, click=clicked | accidental, conversion=converted)


def _sigmoid(logit: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logit))


def _rounded(probability: np.ndarray) -> np.ndarray:
    return probability.astype(np.float32).astype(np.float64)
