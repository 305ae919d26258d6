import numpy as np
import pytest

from ctrbench.prepare.oncold.exposure import make_impressions
from ctrbench.prepare.oncold.population import make_users


@pytest.fixture(scope="module")
def scene(plan):
    stream = np.random.default_rng(1)
    users = make_users(plan.parameters, plan.world(), 1000, stream)
    return users, make_impressions(plan.parameters, plan.world(), users, stream)


def test_everybody_gets_the_impressions_that_were_drawn(scene):
    users, shown = scene
    assert np.array_equal(np.bincount(shown.user), users.impressions)


def test_nothing_is_shown_before_its_launch_or_the_users_arrival(plan, scene):
    users, shown = scene
    day = shown.second // 86_400
    launch = plan.world().items.launch[shown.item]
    assert (launch <= day).all()
    assert (users.arrival[shown.user] <= day).all()
    assert (launch > 0).any()
    assert day.max() == plan.parameters.days - 1


def test_times_ascend_within_a_user(scene):
    _, shown = scene
    same_user = np.diff(shown.user) == 0
    assert (np.diff(shown.second)[same_user] >= 0).all()


def test_evenings_are_busier_than_early_mornings(scene):
    hour = scene[1].second % 86_400 // 3600
    evening, morning = (np.isin(hour, hours).mean() for hours in ((18, 19, 20, 21), (6, 7, 8, 9)))
    assert evening > 2 * morning


def test_the_targeted_share_falls_on_the_users_interests(plan, scene):
    users, shown = scene
    clusters = plan.world().items.cluster[shown.item]
    held = users.interest_weights[shown.user] > 0
    on_interest = ((users.interests[shown.user] == clusters[:, None]) & held).any(axis=1).mean()
    targeted = plan.parameters.behaviour.targeted
    assert targeted < on_interest < targeted + 0.25


def test_draw_keeps_to_its_day_and_cluster(plan):
    world, days = plan.world(), plan.parameters.days
    day = np.repeat(np.arange(days), plan.parameters.catalogue.clusters)
    cluster = np.tile(np.arange(plan.parameters.catalogue.clusters), days)
    low, high = world.exposure.edges[day, cluster], world.exposure.edges[day, cluster + 1]
    for uniform in (0.0, 0.5, np.nextafter(1, 0)):
        item = world.exposure.draw(day, low, high, np.full(len(day), uniform))
        assert np.array_equal(world.items.cluster[item], cluster)
        assert (world.items.launch[item] <= day).all()


def test_untargeted_items_follow_their_weights(plan):
    world, last, draws = plan.world(), plan.parameters.days - 1, 200_000
    uniform = np.random.default_rng(0).random(draws)
    item = world.exposure.draw(np.full(draws, last), np.zeros(draws), np.ones(draws), uniform)
    share = world.items.weight / world.items.weight.sum()
    top = np.argsort(-share)[:20]
    counts = np.bincount(item, minlength=len(share))[top]
    assert (np.abs(counts - draws * share[top]) < 5 * np.sqrt(draws * share[top])).all()
