"""The card's ``contrast`` takes the differences between cohorts away, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.oncold.clicks import true_probabilities
from ctrbench.prepare.oncold.contrast import contrasted
from ctrbench.prepare.oncold.exposure import make_impressions
from ctrbench.prepare.oncold.population import make_users
from tests.prepare.oncold.test_worlds import plan_of


def truth_of(plan, *, shuffled: bool):
    """The true probabilities of some impressions; with other codes of age, value, size and surface, if shuffled."""
    world, stream = plan.world(), np.random.default_rng(0)
    users = make_users(plan.parameters, world, 500, stream)
    shown = make_impressions(plan.parameters, world, users, stream)
    if shuffled:
        other = np.random.default_rng(1).permutation
        users = replace(users, age=other(users.age), value=other(users.value))
        shown = replace(shown, surface=other(shown.surface))
        world = replace(world, items=replace(world.items, size=other(world.items.size)))
    return true_probabilities(plan.parameters, world, users, shown)


def test_without_contrast_no_cohort_matters():
    plan = plan_of(contrast=0.0)
    own, other = (truth_of(plan, shuffled=shuffled) for shuffled in (False, True))
    assert np.array_equal(own.click, other.click)
    assert np.array_equal(own.conversion, other.conversion)
    assert np.ptp(own.click) > 0.1


def test_without_contrast_all_ages_prefer_the_same_clusters():
    assert np.ptp(plan_of(contrast=0.0).world().interest, axis=0) == pytest.approx(0, abs=1e-12)
    assert np.ptp(plan_of().world().interest, axis=0).min() > 0.1


def test_cohorts_matter_the_more_the_larger_the_contrast():
    effect = []
    for contrast in (0.0, 0.25, 0.5, 0.75, 1.0):
        own, other = (truth_of(plan_of(contrast=contrast), shuffled=shuffled) for shuffled in (False, True))
        effect.append(float(np.abs(own.click - other.click).mean()))
    assert effect[0] == 0
    assert effect == sorted(effect)
    assert effect[-1] > 3 * effect[1] > 0


KINDS = (("population", "ages"), ("population", "values"), ("catalogue", "sizes"), ("behaviour", "surfaces"))


@pytest.mark.parametrize(("section", "kind"), KINDS)
def test_half_the_contrast_halves_each_distance_from_the_mean(section, kind):
    whole, half = (getattr(getattr(plan.parameters, section), kind) for plan in (plan_of(), plan_of(contrast=0.5)))
    weights = [getattr(group, "share", 1.0) for group in whole]
    for name in {"click", "conversion", "accident", "taste"} & set(type(whole[0]).model_fields):
        change = np.log if name == "taste" else np.asarray
        full, less = (change([getattr(group, name) for group in groups]) for groups in (whole, half))
        mean = np.average(full, weights=weights)
        assert less - mean == pytest.approx((full - mean) / 2)
    assert [group.name for group in half] == [group.name for group in whole]
    assert [getattr(group, "share", 1.0) for group in half] == weights


def test_half_the_contrast_halves_the_spreads():
    whole, half = plan_of().parameters, plan_of(contrast=0.5).parameters
    assert half.behaviour.age_surface_spread == whole.behaviour.age_surface_spread / 2
    assert half.catalogue.age_interest_spread == whole.catalogue.age_interest_spread / 2


def test_full_contrast_changes_nothing():
    parameters = plan_of().parameters
    assert contrasted(parameters) is parameters


@pytest.mark.parametrize("contrast", [-0.1, 1.5])
def test_a_contrast_outside_0_and_1_is_refused(contrast):
    with pytest.raises(CtrbenchError, match=r"options\.contrast"):
        plan_of(contrast=contrast)
