"""What the card's ``clustering``, ``history`` and ``noise`` change, and what they leave as it is."""

import itertools

import numpy as np
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.formats import Simulation
from ctrbench.prepare.oncold.blocks import make_block
from ctrbench.prepare.oncold.population import make_users
from ctrbench.prepare.oncold.simulate import make_plan
from ctrbench.prepare.stage import prepare
from ctrbench.recipe.read import read_recipe

USERS = 2000
SCALE = 0.002

# Made by the simulator before it knew of clustering, history and noise.
FINGERPRINT = "9a8d3df9263f2dd7370622aeb2004069afb26d342b313bd77635f0f64b3db07f"

# Made before truth.parquet held real clicks: the dataset oncold-sim@scale=0.0005.
MEASURING_FINGERPRINT = "653f5fceec304de69c84ed2692d5c8995223f49f582fe3a6218fae11e2148ca4"
TRUTH = {
    "click": "a945f242ef1edd754646410353594e33f167c2cb8ee4176a7756a54ea18732eb",
    "conversion": "76c9732ca44bda0c1c782943788d0b991d5511629b5371a785a3c0d80d44a503",
}


def plan_of(**options):
    """The plan of the card with other options."""
    changes = "".join(f"@options.{key}={value}" for key, value in options.items())
    return make_plan(shipped_card(f"oncold-sim{changes}"), Simulation(scale=SCALE))


def users_of(**options):
    plan = plan_of(**options)
    return make_users(plan.parameters, plan.world(), USERS, np.random.default_rng(0))


def interests(users):
    """(U, C) weight of each cluster."""
    weights = np.zeros((USERS, users.interests.max() + 1))
    for place in range(users.interests.shape[1]):
        weights[np.arange(USERS), users.interests[:, place]] += users.interest_weights[:, place]
    return weights


def likeness(users):
    """Share of pairs of users whose interests have a cosine above 0.95."""
    weights = interests(users)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    return float(((weights @ weights.T)[np.triu_indices(USERS, 1)] > 0.95).mean())


def click_rate(plan):
    blocks = [make_block(plan, number) for number in range(plan.blocks)]
    return float(np.concatenate([block.truth["click"] for block in blocks]).mean())


def test_the_shipped_card_gives_the_data_that_it_always_gave(simulate, tmp_path):
    manifest = simulate(tmp_path, scale=0.0005)
    assert manifest.fingerprint == FINGERPRINT
    assert TRUTH.items() <= manifest.contents["truth.parquet"].items()


def test_a_dataset_with_real_clicks_is_measured_as_the_same_data(tmp_path):
    card = shipped_card("oncold-sim@scale=0.0005")
    manifest = prepare(card, tmp_path, simulation=Simulation(scale=card.scale)).manifest
    assert {"real_click", "real_click_label"} < manifest.contents["truth.parquet"].keys()
    assert manifest.measuring_fingerprint == MEASURING_FINGERPRINT


def test_users_without_clustering_draw_their_interests_alone():
    """The draws one after the other, without profiles: a Gumbel draw per cluster, weights, number of interests."""
    plan = plan_of()
    population, clusters = plan.parameters.population, plan.parameters.catalogue.clusters
    stream, users = np.random.default_rng(0), users_of()
    for draw in ("random", "standard_normal", "standard_normal", "random"):
        getattr(stream, draw)(USERS)
    stream.integers(0, plan.parameters.days, USERS)
    strength = plan.world().interest[users.age] + stream.gumbel(size=(USERS, clusters))
    weights = stream.standard_exponential((USERS, population.interests))
    weights[np.arange(population.interests) >= stream.integers(1, population.interests + 1, USERS)[:, None]] = 0
    assert np.array_equal(users.interests, np.argsort(-strength, axis=1, kind="stable")[:, : population.interests])
    assert np.array_equal(users.interest_weights, weights / weights.sum(axis=1, keepdims=True))


def test_clustering_changes_interests_alone():
    alone, together = users_of(), users_of(clustering=1.0)
    for name in ("age", "value", "arrival", "impressions", "click"):
        assert np.array_equal(getattr(alone, name), getattr(together, name)), name
    assert (alone.interests[:, 0] != together.interests[:, 0]).mean() > 0.5


def test_the_more_clustering_the_more_users_are_alike():
    found = [likeness(users_of(clustering=share)) for share in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert np.diff(found).min() > 0
    assert found[-1] > 3 * found[0]


def test_users_join_profiles_and_never_leave_them_as_clustering_grows():
    half, full, none = (users_of(clustering=share).interest_weights for share in (0.5, 1.0, 0.0))
    of_profile = (half == full).all(axis=1)
    assert of_profile.mean() == pytest.approx(0.5, abs=0.05)
    assert np.array_equal(half[~of_profile], none[~of_profile])


def test_users_who_share_a_profile_are_its_interests_shifted_by_their_age():
    plan = plan_of(clustering=1.0)
    users, ages = users_of(clustering=1.0), len(plan.parameters.population.ages)
    assert plan.parameters.population.profiles == 20
    # Profiles of a single interest all have the weights 1, 0, 0, 0.
    assert 10 < len(np.unique(users.interest_weights, axis=0)) <= 20
    kinds = np.unique(np.column_stack([users.interests, users.interest_weights]), axis=0)
    assert 20 < len(kinds) <= 20 * ages


def test_profiles_belong_to_the_world_and_not_to_a_block():
    plan = plan_of(clustering=1.0)
    first, second = (
        make_users(plan.parameters, plan.world(), USERS, np.random.default_rng(seed)).interest_weights
        for seed in (0, 1)
    )
    assert not np.array_equal(first, second)
    assert np.array_equal(np.unique(first, axis=0), np.unique(second, axis=0))


def test_equal_options_give_equal_blocks():
    options = {"clustering": 0.5, "history": 0.5, "noise": 0.25}
    first, again = (make_block(plan_of(**options), 0) for _ in range(2))
    for table in ("rows", "users", "truth"):
        for name, column in getattr(first, table).items():
            assert np.array_equal(column, getattr(again, table)[name]), name


@pytest.mark.parametrize("options", [{"clustering": 1.0}, {"noise": 0.5}, {"history": 0.33}, {"history": 3.0}])
def test_the_click_rate_stays_about_the_same(options):
    assert click_rate(plan_of(**options)) == pytest.approx(click_rate(plan_of()), rel=0.1)


@pytest.mark.parametrize("history", [0.25, 2.0])
def test_history_trades_users_for_impressions(history):
    default, other = plan_of(), plan_of(history=history)
    assert other.users == pytest.approx(default.users / history, abs=1)
    assert other.items == default.items
    seen = users_of(history=history).impressions
    error = seen.std() / np.sqrt(USERS)
    assert abs(seen.mean() - history * default.parameters.population.impressions_per_user) < 4 * error


def test_a_history_without_impressions_is_refused():
    with pytest.raises(CtrbenchError, match=r"options: history 0\.01 leaves 0\.592 impressions per user"):
        plan_of(history=0.01)


def test_noise_mixes_the_truth_with_the_click_rate():
    plans = [plan_of(noise=share) for share in (0.0, 0.25, 0.5, 1.0)]
    rate = plans[0].parameters.behaviour.click_rate
    without, *noisy = ([make_block(plan, 0).truth[label] for label in ("click", "conversion")] for plan in plans)
    for plan, (click, conversion) in zip(plans[1:], noisy, strict=True):
        share = plan.parameters.noise
        assert click == pytest.approx((1 - share) * without[0] + share * rate, abs=1e-6)
        assert conversion == pytest.approx((1 - share) * without[1], abs=1e-6)
    assert np.ptp(noisy[-1][0]) == 0


def test_clicks_of_noise_are_drawn_and_never_convert():
    rows = make_block(plan_of(noise=1.0), 0).rows
    assert rows["click"].mean() == pytest.approx(plan_of().parameters.behaviour.click_rate, abs=0.01)
    assert not rows["conversion"].any()


def test_the_worlds_of_aqcl_truth_have_every_combination_of_two_values():
    cards = [shipped_card(name) for name in read_recipe("aqcl-truth").datasets]
    assert {card.scale for card in cards} == {0.01}
    worlds = [make_plan(card, Simulation(scale=card.scale)).parameters for card in cards]
    found = [(world.clustering, world.history, world.noise) for world in worlds]
    assert sorted(found) == sorted(itertools.product((0.0, 1.0), (0.33, 1.0), (0.0, 0.5)))
