"""The numbers of a table, computed a second time with scipy from the AUCs that went into the records."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ctrbench.errors import CtrbenchError
from ctrbench.report.comparison import cells, why_not_comparable
from tests.report.conftest import BEAUTY, SPEC, entries, group_metrics, reference_records, run_record, run_records


def by_place(found):
    return {(cell.method, cell.group, cell.metric): cell for cell in found}


@pytest.fixture
def table(beauty):
    return by_place(cells(SPEC, entries(beauty), reference_records()))


def test_mean_spread_and_interval_equal_scipy(table):
    cell, values = table["icl", "overall", "auc"], np.array(BEAUTY["icl"])
    assert (cell.seeds, cell.mean, cell.std) == (5, pytest.approx(values.mean()), pytest.approx(values.std(ddof=1)))
    assert cell.interval == pytest.approx(stats.t.interval(0.95, 4, loc=values.mean(), scale=stats.sem(values)))


def test_difference_and_corrected_p_equal_scipy(table):
    tests = {method: stats.ttest_rel(BEAUTY[method], BEAUTY["plain"]) for method in ("icl", "aqcl")}
    aqcl, icl = (table[method, "overall", "auc"] for method in ("aqcl", "icl"))
    assert aqcl.difference.interval == pytest.approx(tests["aqcl"].confidence_interval(), abs=1e-12)
    # Holm over two methods: the smaller p doubles, the larger stays.
    assert aqcl.p == pytest.approx(2 * tests["aqcl"].pvalue)
    assert icl.p == pytest.approx(tests["icl"].pvalue)
    assert (aqcl.direction_verdict, icl.direction_verdict) == ("improves (agrees)", "no difference (differs)")


def test_lower_ne_improves(table):
    cell = table["aqcl", "overall", "ne"]
    assert cell.difference.delta == pytest.approx(np.mean(BEAUTY["plain"]) - np.mean(BEAUTY["aqcl"]))
    assert (cell.direction_verdict, cell.value_verdict) == ("improves", "not published")


def test_relaimpr_is_of_the_means_and_shares_the_test_of_auc(table):
    cell = table["aqcl", "highly-active", "relaimpr"]
    ours, base = (np.mean(BEAUTY[method]) + 0.1 for method in ("aqcl", "plain"))
    assert cell.mean == pytest.approx(((ours - 0.5) / (base - 0.5) - 1) * 100)
    assert cell.interval.low < cell.mean < cell.interval.high
    assert cell.p == table["aqcl", "highly-active", "auc"].p
    assert cell.published == 3.57


def test_base_has_no_difference_to_itself(table):
    auc, relaimpr = table["plain", "overall", "auc"], table["plain", "overall", "relaimpr"]
    assert (auc.difference, auc.p, auc.direction, auc.value_verdict) == (None, None, None, "higher")
    assert (relaimpr.mean, relaimpr.interval, relaimpr.value_verdict) == (0, None, None)


def test_order_is_base_first_then_references(beauty):
    found = cells(SPEC, entries(beauty[::-1]), reference_records())
    assert list(dict.fromkeys(cell.method for cell in found)) == [
        *("plain", "aqcl", "icl", "item popularity", "random", "oracle")
    ]
    assert list(dict.fromkeys(cell.group for cell in found)) == [
        *("overall", "non-active", "slightly-active", "highly-active")
    ]


def test_only_the_oracle_has_an_ne(table):
    assert table["oracle", "non-active", "ne"].mean == pytest.approx(1.5 - 0.8105 + 0.02)
    assert ("random", "overall", "ne") not in table
    assert (table["random", "overall", "auc"].backbone, table["random", "overall", "auc"].mean) == ("-", 0.4993)


def test_references_of_other_data_are_passed_over(beauty):
    found = cells(SPEC, entries(beauty), reference_records(fingerprint="0" * 64))
    assert {cell.method for cell in found} == set(BEAUTY)


def test_differences_are_over_common_seeds(beauty):
    # aqcl lacks seed 4, plain lacks seed 0.
    table = by_place(cells(SPEC, entries([r for r in beauty[:-1] if r is not beauty[0]]), []))
    auc, relaimpr = table["aqcl", "overall", "auc"], table["aqcl", "overall", "relaimpr"]
    expected = np.mean(BEAUTY["aqcl"][1:4]) - np.mean(BEAUTY["plain"][1:4])
    assert auc.difference.delta == pytest.approx(expected)
    assert (auc.seeds, relaimpr.seeds) == (4, 3)


def test_one_seed_has_neither_interval_nor_verdict():
    cell = by_place(cells(SPEC, entries(run_records({name: values[:1] for name, values in BEAUTY.items()})), []))[
        "aqcl", "overall", "auc"
    ]
    assert cell.difference.delta == pytest.approx(0.7091 - 0.7012)
    assert (cell.std, cell.interval, cell.p, cell.value_verdict, cell.direction) == (None, None, None, None, None)


def test_without_base_there_is_nothing_to_compare(beauty):
    cell = by_place(cells(SPEC, entries(beauty[5:]), []))["aqcl", "overall", "auc"]
    assert (cell.mean, cell.difference, cell.direction) == (pytest.approx(np.mean(BEAUTY["aqcl"])), None, None)


def test_group_of_one_class_is_undefined():
    found = by_place(cells(SPEC, entries([run_record(None, seed=seed) for seed in range(3)]), []))
    cell = found["plain", "overall", "auc"]
    assert (cell.mean, cell.seeds, cell.value_verdict) == (None, 0, None)


def test_base_at_chance_has_no_relaimpr():
    cell = by_place(cells(SPEC, entries(run_records({"plain": [0.5, 0.49], "aqcl": [0.6, 0.61]})), []))[
        "aqcl", "overall", "relaimpr"
    ]
    assert (cell.mean, cell.difference) == (None, None)


def test_simulated_data_are_never_compared_with_the_private():
    records = run_records(BEAUTY, dataset="oncold-sim", synthetic=True)
    cell = by_place(cells(SPEC, entries(records), []))["aqcl", "overall", "auc"]
    assert (cell.published, cell.value_verdict, cell.direction_verdict) == (0.7691, "not comparable", "improves")
    assert why_not_comparable(SPEC, "oncold-sim", records[0].data) == "simulated data in place of the private oncold"


def test_a_recipe_says_what_is_not_comparable(beauty):
    spec = SPEC.model_copy(update={"not_comparable": {"amazon-beauty": "another version"}})
    cell = by_place(cells(spec, entries(beauty), []))["aqcl", "overall", "auc"]
    assert (cell.value_verdict, why_not_comparable(spec, "amazon-beauty", beauty[0].data)) == (
        "not comparable",
        "another version",
    )
    assert why_not_comparable(SPEC, "amazon-beauty", beauty[0].data) is None


def test_each_dataset_and_backbone_has_its_own_base(beauty):
    others = run_records({"plain": [0.6, 0.61], "aqcl": [0.7, 0.71]}, backbone="deepfm")
    found = {(c.backbone, c.method, c.group, c.metric): c for c in cells(SPEC, entries([*beauty, *others]), [])}
    assert found["deepfm", "aqcl", "overall", "auc"].difference.delta == pytest.approx(0.1)
    assert found["din", "aqcl", "overall", "auc"].difference.delta < 0.01


def test_each_variant_has_its_own_base_and_its_own_correction(beauty):
    worse = run_records({name: [v - seed * 0.01 for seed, v in enumerate(BEAUTY[name])] for name in ("plain", "aqcl")})
    found = cells(SPEC, [*entries(beauty, "near"), *entries(worse, "far")], reference_records())
    assert list(dict.fromkeys((cell.variant, cell.method) for cell in found)) == [
        *(("near", "plain"), ("near", "icl"), ("near", "aqcl")),
        *(("far", "plain"), ("far", "aqcl")),
        *(("", "item popularity"), ("", "random"), ("", "oracle")),
    ]
    near, far = (
        next(c for c in found if (c.variant, c.method, c.group, c.metric) == (variant, "aqcl", "overall", "auc"))
        for variant in ("near", "far")
    )
    assert far.mean == pytest.approx(np.mean(BEAUTY["aqcl"]) - 0.02)
    assert far.difference.delta == pytest.approx(near.difference.delta)
    # Holm over two methods in the one, over one in the other.
    p = stats.ttest_rel(BEAUTY["aqcl"], BEAUTY["plain"]).pvalue
    assert (near.p, far.p) == (pytest.approx(2 * p), pytest.approx(p))


def test_rows_that_share_a_run_have_its_numbers(beauty):
    rows = [*entries(beauty[:5], "near"), *entries(beauty[5:], "near"), *entries(beauty[:5], "far")]
    plain = [c for c in cells(SPEC, rows, []) if (c.method, c.group, c.metric) == ("plain", "overall", "auc")]
    assert [(c.variant, c.mean, c.seeds) for c in plain] == [
        (variant, pytest.approx(np.mean(BEAUTY["plain"])), 5) for variant in ("near", "far")
    ]


def test_a_changed_dataset_answers_to_the_published_values_of_its_card(beauty):
    records = run_records(BEAUTY, dataset="amazon-beauty@ties=apart")
    cell = by_place(cells(SPEC, entries(records), []))["aqcl", "overall", "auc"]
    assert (cell.dataset, cell.published, cell.value_verdict) == ("amazon-beauty@ties=apart", 0.7078, "within")
    simulated = run_records(BEAUTY, dataset="oncold-sim@split.test_days=5", synthetic=True)
    cell = by_place(cells(SPEC, entries(simulated), []))["aqcl", "overall", "auc"]
    assert (cell.published, cell.value_verdict) == (0.7691, "not comparable")
    assert (
        why_not_comparable(SPEC, simulated[0].config.dataset, simulated[0].data)
        == "simulated data in place of the private oncold"
    )


def test_click_lengths_cut_the_rows(beauty):
    names = {"small": "L 0 to 8", "large": "L 9"}
    rows = [
        record.model_copy(
            update={"metrics": (*record.metrics, *(
                replace(figures, column="click_length", group=names[figures.group])
                for figures in record.metrics if figures.column == "brand size"
            ))}
        )
        for record in beauty
    ]  # fmt: skip
    found = cells(SPEC, entries(rows), [], by="click_length")
    assert list(dict.fromkeys(cell.group for cell in found)) == ["overall", "L 0 to 8", "L 9"]
    assert by_place(found)["plain", "L 9", "auc"].mean == pytest.approx(np.mean(BEAUTY["plain"]) + 0.03)


def test_any_cohort_column_cuts_the_rows(beauty):
    found = cells(SPEC, entries(beauty), [], by="brand size")
    assert [cell.group for cell in found if (cell.method, cell.metric) == ("plain", "auc")] == [
        *("overall", "small", "large")
    ]


def test_unknown_column_is_refused(beauty):
    with pytest.raises(CtrbenchError, match="unknown column 'brandsize'; did you mean brand size"):
        cells(SPEC, entries(beauty), [], by="brandsize")


def test_no_records_are_refused():
    with pytest.raises(CtrbenchError, match="aqcl-beauty: no finished run yet"):
        cells(SPEC, entries([]), [])


def test_two_versions_of_the_data_are_refused(beauty):
    with pytest.raises(CtrbenchError, match=r"two versions of amazon-beauty \(ffffffffffff and 000000000000\)"):
        cells(SPEC, entries([*beauty, run_record(0.7, seed=9, fingerprint="0" * 64)]), [])


def test_two_runs_for_one_place_are_refused(beauty):
    with pytest.raises(CtrbenchError, match="two runs of amazon-beauty din plain with seed 3"):
        cells(SPEC, entries([*beauty, run_record(0.71, seed=3)]), [])
    again = [*entries(beauty, "near"), *entries(beauty, "far"), *entries(beauty[:1], "far")]
    with pytest.raises(CtrbenchError, match=r"two runs of amazon-beauty din plain \(far\) with seed 0"):
        cells(SPEC, again, [])


def test_fabricated_groups_are_what_the_tests_assume():
    assert {m.group: round(m.auc - 0.7, 6) for m in group_metrics(0.7)}["highly-active"] == 0.1
