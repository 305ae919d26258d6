"""The card's ``accidents`` and ``accidents_by``: how many clicks are accidental, and what explains them."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.oncold.accidents import accident_probabilities, with_accidents
from ctrbench.prepare.oncold.blocks import make_block
from tests.prepare.oncold.test_worlds import plan_of

SHARES = (0.0, 0.1, 0.3, 0.5)


def world_of(**options):
    """Rows and truth of all blocks, and the plan."""
    plan = with_accidents(plan_of(**options), jobs=1)
    blocks = [make_block(plan, number) for number in range(plan.blocks)]
    columns = {name: np.concatenate([block.truth[name] for block in blocks]) for name in blocks[0].truth}
    for name in ("click", "conversion", "surface_group", "item"):
        columns[f"drawn_{name}"] = np.concatenate([block.rows[name] for block in blocks])
    return plan, columns


def expected_share(columns):
    return 1 - columns["real_click"].sum() / columns["click"].sum()


def test_left_as_they_are_nothing_is_computed():
    plan = plan_of()
    assert with_accidents(plan, jobs=1) is plan


@pytest.mark.parametrize("by", ["surface", "nothing"])
@pytest.mark.parametrize("share", SHARES)
def test_the_share_is_exact_in_expectation_and_near_it_in_the_draw(share, by):
    _, world = world_of(accidents=share, accidents_by=by)
    assert expected_share(world) == pytest.approx(share, abs=1e-6)
    clicks = world["drawn_click"].sum()
    drawn = 1 - world["real_click_label"].sum() / clicks
    assert drawn == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / clicks))


@pytest.mark.parametrize("options", [{"noise": 0.5}, {"contrast": 0.3}, {"history": 0.5}])
def test_the_share_is_exact_in_other_worlds(options):
    _, world = world_of(accidents=0.3, accidents_by="nothing", **options)
    noise, rate = options.get("noise", 0.0), plan_of().parameters.behaviour.click_rate
    assert 1 - world["real_click"].sum() / (world["click"] - noise * rate).sum() == pytest.approx(0.3, abs=1e-6)


def test_by_surface_the_ratios_of_the_surfaces_stay_and_by_nothing_all_are_equal():
    own = np.array([surface.accident for surface in plan_of().parameters.behaviour.surfaces])
    for by, form in (("surface", own), ("nothing", np.ones(4))):
        plan, world = world_of(accidents=0.3, accidents_by=by)
        found = np.array([surface.accident for surface in plan.parameters.behaviour.surfaces])
        assert found / found[0] == pytest.approx(form / form[0])
        accident = (world["click"] - world["real_click"]) / (1 - world["real_click"])
        for code in range(4):
            assert accident[world["drawn_surface_group"] == code] == pytest.approx(found[code], abs=1e-5)


def test_without_accidents_both_ways_are_one_world_of_real_clicks():
    (_, one), (_, other) = (world_of(accidents=0.0, accidents_by=by) for by in ("surface", "nothing"))
    for name, column in one.items():
        assert np.array_equal(column, other[name]), name
    assert np.array_equal(one["click"], one["real_click"])
    assert np.array_equal(one["drawn_click"], one["real_click_label"])


def test_accidents_change_neither_real_clicks_nor_conversions_nor_what_is_shown():
    (_, none), *others = (
        world_of(accidents=share, accidents_by=by) for share, by in ((0, "nothing"), (0.5, "surface"))
    )
    for _, world in others:
        for name in ("real_click", "real_click_label", "conversion", "drawn_conversion", "drawn_item"):
            assert np.array_equal(none[name], world[name]), name
        assert (world["drawn_click"] >= world["real_click_label"]).all()


def test_spread_evenly_the_cards_own_share_stays():
    (_, card), (plan, even) = world_of(), world_of(accidents_by="nothing")
    assert expected_share(even) == pytest.approx(expected_share(card), abs=1e-6)
    assert len({surface.accident for surface in plan.parameters.behaviour.surfaces}) == 1


def test_accidents_that_nothing_explains_leave_the_order_of_the_impressions():
    """Those of the surface do not: the true probability of a click then ranks real clicks worse."""
    ranked = {}
    for by in ("surface", "nothing"):
        _, world = world_of(accidents=0.5, accidents_by=by)
        ranked[by] = [roc_auc_score(world["real_click_label"], world[name]) for name in ("real_click", "click")]
    assert ranked["nothing"][1] == pytest.approx(ranked["nothing"][0], abs=1e-6)
    assert ranked["surface"][1] < ranked["surface"][0] - 0.02


def test_any_number_of_processes_finds_the_same_probabilities():
    one, two = (with_accidents(plan_of(accidents=0.3), jobs=jobs) for jobs in (1, 2))
    assert one == two


def test_a_share_that_no_probability_reaches_is_refused():
    with pytest.raises(
        CtrbenchError, match=r"options\.accidents = 0\.95: accidents by nothing would need .* lower the share"
    ):
        with_accidents(plan_of(accidents=0.95, accidents_by="nothing"), jobs=1)
    parameters = plan_of(accidents=0.5).parameters
    with pytest.raises(CtrbenchError, match=r"options\.accidents = 0\.5: accidents by surface"):
        accident_probabilities(parameters, np.array([50.0, 0, 0, 0]), np.array([1.0, 0, 0, 0]))


@pytest.mark.parametrize(
    "options", [{"accidents": 1.0}, {"accidents": -0.1}, {"accidents": "some"}, {"accidents_by": "x"}]
)
def test_other_values_are_refused(options):
    with pytest.raises(CtrbenchError, match=r"options\.accidents"):
        plan_of(**options)
