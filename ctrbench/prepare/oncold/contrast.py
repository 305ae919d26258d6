"""How much the cohorts of users, items and surfaces differ in their behaviour.

``contrast`` c in [0, 1] moves each number x of a group to ``mean + c (x - mean)``, the mean over the groups of its kind
by their shares: its log-odds of a click and of a conversion, the logarithm of its factor on taste, and the probability
of an accident. The spreads of the interests by age and of the pairs of age and surface are multiplied by c. At 1 the
world is the card's; at 0 a group's members react as all others do. What remains are differences in what is seen and not
in how users react: users of high value are the more active ones.
"""

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from ctrbench.prepare.oncold.settings import Age, Parameters, Segment, Surface

G = TypeVar("G", Age, Segment, Surface)

MOVED = ("click", "conversion", "accident")
"""Those that a kind of group has; and the taste."""


def contrasted(parameters: Parameters) -> Parameters:
    """The parameters of the world that a contrast leaves; the same object at 1."""
    c = parameters.contrast
    if c == 1:
        return parameters
    population, catalogue, behaviour = parameters.population, parameters.catalogue, parameters.behaviour
    ages, values = _nearer(population.ages, c), _nearer(population.values, c)
    sizes, interest = _nearer(catalogue.sizes, c), c * catalogue.age_interest_spread
    surfaces, pairs = _nearer(behaviour.surfaces, c), c * behaviour.age_surface_spread
    return parameters.model_copy(
        update={
            "population": population.model_copy(update={"ages": ages, "values": values}),
            "catalogue": catalogue.model_copy(update={"sizes": sizes, "age_interest_spread": interest}),
            "behaviour": behaviour.model_copy(update={"surfaces": surfaces, "age_surface_spread": pairs}),
        }
    )


def _nearer(groups: Sequence[G], c: float) -> tuple[G, ...]:
    """The groups, moved towards their mean."""
    weights = [1.0 if isinstance(group, Segment) else group.share for group in groups]

    def moved(own: Sequence[float]) -> list[float]:
        mean = float(np.average(own, weights=weights))
        return [mean + c * (each - mean) for each in own]

    changes = {
        name: moved([getattr(group, name) for group in groups])
        for name in MOVED
        if name in type(groups[0]).model_fields
    }
    changes["taste"] = [math.exp(each) for each in moved([math.log(group.taste) for group in groups])]
    return tuple(
        group.model_copy(update={name: own[place] for name, own in changes.items()})
        for place, group in enumerate(groups)
    )
