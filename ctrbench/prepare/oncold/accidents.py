"""The surfaces' probabilities of an accident that make a given share of the clicks accidental.

With q(r) the probability of a real click on impression r, and a(s) the probability of an accident on surface s, an
accidental click is an accident without a real click. Over all impressions of the world the share of such clicks is

    share = sum over r of (1 - q(r)) a(s(r)) / sum over r of (q(r) + (1 - q(r)) a(s(r)))

The card's ``accidents`` sets the share and ``accidents_by`` the form of a(s): ``surface`` keeps the ratios of the
card's probabilities, a(s) = f * accident(s); ``nothing`` has a(s) = f for all surfaces. Either way

    f = share / (1 - share) * sum over r of q(r) / sum over r of (1 - q(r)) b(s(r))

with b(s) = accident(s) or 1. The sums run over the impressions of the whole world, so that the share is exact in the
expectation over the draws of clicks; they cost one simulation up to those draws. With ``as-is`` the share is that of
the card's probabilities: by ``surface`` nothing is computed or changed, by ``nothing`` the same share falls on all
surfaces alike. Impressions that ``noise`` decides are neither counted nor changed.

Worlds that differ in these two settings alone have the same impressions, real clicks and conversions. Accidents by
nothing leave the order of the impressions by their true probability of a click as it is; those by surface do not.

Shape: S surfaces.
"""

from dataclasses import replace

import joblib
import numpy as np

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.oncold.blocks import Plan, make_scene
from ctrbench.prepare.oncold.settings import Parameters


def with_accidents(plan: Plan, jobs: int) -> Plan:
    """The plan with the probabilities of an accident that its card asks for; the same object if they are the card's.

    Args:
        plan: the simulation to run.
        jobs: number of processes.

    Raises:
        CtrbenchError: a surface's probability would have to be 1 or more.
    """
    parameters = plan.parameters
    if (parameters.accidents, parameters.accidents_by) == ("as-is", "surface"):
        return plan
    certain = replace(plan, parameters=parameters.model_copy(update={"noise": 0.0}))
    parts = joblib.Parallel(n_jobs=jobs)(joblib.delayed(real_clicks)(certain, number) for number in range(plan.blocks))
    probabilities = accident_probabilities(parameters, *np.sum(parts, axis=0))
    behaviour = parameters.behaviour
    surfaces = tuple(
        surface.model_copy(update={"accident": float(probability)})
        for surface, probability in zip(behaviour.surfaces, probabilities, strict=True)
    )
    changed = {"behaviour": behaviour.model_copy(update={"surfaces": surfaces})}
    return replace(plan, parameters=parameters.model_copy(update=changed))


def real_clicks(plan: Plan, number: int) -> np.ndarray:
    """(2, S): expected number of impressions with and without a real click in block ``number``, by surface."""
    scene, surfaces = make_scene(plan, number), len(plan.parameters.behaviour.surfaces)
    real = scene.truth.real_click
    return np.stack([np.bincount(scene.shown.surface, each, surfaces) for each in (real, 1 - real)])


def accident_probabilities(parameters: Parameters, real: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Probabilities of an accident (S,).

    Args:
        parameters: the card's options.
        real: (S,) expected number of the world's impressions with a real click.
        other: (S,) expected number of those without.

    Raises:
        CtrbenchError: a probability would have to be 1 or more.
    """
    own = np.array([surface.accident for surface in parameters.behaviour.surfaces])
    share, form = parameters.accidents, own if parameters.accidents_by == "surface" else np.ones(len(own))
    accidental = float(own @ other if share == "as-is" else share / (1 - share) * real.sum())
    if accidental == 0:
        return np.zeros(len(own))
    possible = float(form @ other)
    if accidental * form.max() >= possible:
        raise CtrbenchError(
            f"options.accidents = {share}: accidents by {parameters.accidents_by} would need a probability of 1 or "
            "more; lower the share"
        )
    return np.asarray(form * (accidental / possible))
