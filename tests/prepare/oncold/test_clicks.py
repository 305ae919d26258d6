import dataclasses

import numpy as np
import pytest

from ctrbench.prepare.oncold.clicks import Truth, draw_outcome, true_probabilities
from ctrbench.prepare.oncold.exposure import make_impressions
from ctrbench.prepare.oncold.population import make_users


@pytest.fixture(scope="module")
def scene(plan):
    """Users, their impressions and the true probabilities of one small block."""
    stream = np.random.default_rng(0)
    users = make_users(plan.parameters, plan.world(), 300, stream)
    shown = make_impressions(plan.parameters, plan.world(), users, stream)
    return users, shown, true_probabilities(plan.parameters, plan.world(), users, shown)


def test_probabilities_follow_the_formula(plan, scene):
    users, shown, truth = scene
    parameters, items, world = plan.parameters, plan.world().items, plan.world()
    for row in range(0, len(shown.user), 997):
        user, item, surface = shown.user[row], shown.item[row], shown.surface[row]
        age = parameters.population.ages[users.age[user]]
        value = parameters.population.values[users.value[user]]
        size = parameters.catalogue.sizes[items.size[item]]
        place, behaviour = parameters.behaviour.surfaces[surface], parameters.behaviour
        affinity = float(users.vector[user] @ items.vector[item])
        logit = behaviour.click + age.click + place.click + value.click + size.click
        logit += world.age_surface[users.age[user], surface] + users.click[user] + items.quality[item]
        logit += behaviour.click_taste * age.taste * place.taste * value.taste * size.taste * affinity
        real = 1 / (1 + np.exp(-logit))
        logit = behaviour.conversion + value.conversion + size.conversion + items.conversion[item]
        conversion = real / (1 + np.exp(-logit - behaviour.conversion_taste * affinity))
        assert truth.real_click[row] == pytest.approx(real, rel=1e-6)
        assert truth.click[row] == pytest.approx(1 - (1 - real) * (1 - place.accident), rel=1e-6)
        assert truth.conversion[row] == pytest.approx(conversion, rel=1e-6)


def test_accidental_clicks_happen_and_never_convert():
    """Nobody means to click here, and every meant click would convert."""
    rows = 100_000
    truth = Truth(real_click=np.zeros(rows), click=np.full(rows, 0.03), conversion=np.zeros(rows))
    outcome = draw_outcome(truth, np.random.default_rng(0))
    assert outcome.click.mean() == pytest.approx(0.03, abs=4 * np.sqrt(0.03 * 0.97 / rows))
    assert not outcome.conversion.any()


def test_only_the_real_clicks_convert():
    rows = 100_000
    truth = Truth(real_click=np.full(rows, 0.2), click=np.full(rows, 0.6), conversion=np.full(rows, 0.2))
    outcome = draw_outcome(truth, np.random.default_rng(0))
    assert outcome.click.mean() == pytest.approx(0.6, abs=0.01)
    assert outcome.conversion.mean() == pytest.approx(0.2, abs=0.01)
    assert outcome.real_click.mean() == pytest.approx(0.2, abs=0.01)
    assert np.array_equal(outcome.conversion, outcome.real_click)
    assert not (outcome.conversion & ~outcome.click).any()


def test_accidents_depend_on_the_surface(plan, scene):
    _, shown, truth = scene
    accident = (truth.click - truth.real_click) / (1 - truth.real_click)
    for code, surface in enumerate(plan.parameters.behaviour.surfaces):
        assert accident[shown.surface == code].mean() == pytest.approx(surface.accident, rel=1e-3)


def test_truth_has_float32_precision(scene):
    for name, probability in dataclasses.asdict(scene[2]).items():
        assert np.array_equal(probability.astype(np.float32).astype(np.float64), probability), name
