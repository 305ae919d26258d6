import numpy as np
import pytest

from ctrbench.prepare.oncold.population import make_users


@pytest.fixture(scope="module")
def users(plan):
    return make_users(plan.parameters, plan.world(), 20_000, np.random.default_rng(0))


def test_ages_have_their_shares(plan, users):
    shares = np.bincount(users.age) / len(users.age)
    assert shares == pytest.approx([age.share for age in plan.parameters.population.ages], abs=0.015)


@pytest.mark.parametrize(("name", "groups"), [("value", 5), ("value_percentile", 20)])
def test_value_groups_are_equally_large(users, name, groups):
    assert np.bincount(getattr(users, name)) / len(users.age) == pytest.approx(np.full(groups, 1 / groups), abs=0.01)


def test_percentiles_refine_the_value_groups(users):
    assert np.array_equal(users.value_percentile // 4, users.value)


def test_interests_are_distinct_and_their_weights_sum_to_one(users):
    ordered = np.sort(users.interests, axis=1)
    assert (np.diff(ordered, axis=1) > 0).all()
    assert users.interest_weights.sum(axis=1) == pytest.approx(np.ones(len(users.age)))
    assert set((users.interest_weights > 0).sum(axis=1).tolist()) == {1, 2, 3, 4}


def test_age_groups_prefer_different_clusters(plan, users):
    first = users.interests[:, 0]
    clusters = plan.parameters.catalogue.clusters
    young, middle = (np.bincount(first[users.age == age], minlength=clusters) for age in (0, 2))
    distance = np.abs(young / young.sum() - middle / middle.sum()).sum() / 2
    halves = [np.bincount(first[users.age == 0][half::2], minlength=clusters) for half in (0, 1)]
    noise = np.abs(halves[0] / halves[0].sum() - halves[1] / halves[1].sum()).sum() / 2
    assert distance > 3 * noise


def test_taste_vectors_point_to_the_interests(plan, users):
    alone = (users.interest_weights > 0).sum(axis=1) == 1
    affinity = users.vector @ plan.world().centres.T
    cluster = users.interests[np.arange(len(alone)), users.interest_weights.argmax(axis=1)]
    assert np.sqrt((users.vector**2).sum(axis=1)) == pytest.approx(np.ones(len(alone)))
    assert (affinity.argmax(axis=1) == cluster)[alone].mean() > 0.95


def test_late_users_see_less(users):
    assert (users.arrival > 0).mean() == pytest.approx(0.5 * 89 / 90, abs=0.02)
    late = users.arrival > 60
    assert users.impressions[late].mean() < 0.5 * users.impressions[users.arrival == 0].mean()
    assert users.impressions.min() >= 1
