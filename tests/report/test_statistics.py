"""The numbers of a table, computed a second time with scipy from the AUCs that went into the records."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.metrics.significance import Error
from ctrbench.report.comparable import why_not_comparable
from ctrbench.report.statistics import cells, merged
from ctrbench.store.record import TaskMetrics
from tests.report.records import BEAUTY, data, facts, recipe, record, records, references, rows, values


def by_place(found):
    return {(cell.method, cell.group, cell.metric): cell for cell in found}


def every(found, by="activeness"):
    return merged(found, [("auc", by), ("ne", by)])


@pytest.fixture
def table(beauty):
    return by_place(every(data(rows(beauty), references())))


def test_mean_spread_and_interval_equal_scipy(table):
    cell, own = table["icl", "overall", "auc"], np.array(BEAUTY["icl"])
    assert (cell.seeds, cell.mean, cell.std) == (5, pytest.approx(own.mean()), pytest.approx(own.std(ddof=1)))
    assert cell.interval == pytest.approx(stats.t.interval(0.95, 4, loc=own.mean(), scale=stats.sem(own)))


def test_difference_and_corrected_p_equal_scipy(table):
    tests = {method: stats.ttest_rel(BEAUTY[method], BEAUTY["plain"]) for method in ("icl", "aqcl")}
    aqcl, icl = (table[method, "overall", "auc"] for method in ("aqcl", "icl"))
    # Bonferroni over two methods.
    for cell, test in ((aqcl, tests["aqcl"]), (icl, tests["icl"])):
        assert cell.delta_interval == pytest.approx(tuple(test.confidence_interval(0.975)), abs=1e-12)
        assert cell.p == pytest.approx(min(1, 2 * test.pvalue))
    assert (aqcl.verdict, aqcl.agreement) == ("improves", "agrees")
    assert (icl.verdict, icl.agreement, icl.detectable) == ("equivalent", "contradicts", None)


def with_blocks(auc, *, seed, method, shift):
    """A record whose AUC is higher by half of ``shift`` without any of its first 25 blocks, else lower."""
    made = record(auc, seed=seed, method=method)
    click = made.tasks["click"]
    units = round(shift / 2e-7)
    left = {"auc": {"overall": [[units] * 25 + [-units] * 25]}}
    return made.model_copy(update={"tasks": {"click": click.model_copy(update={"left_out": left})}})


def test_a_column_for_which_some_runs_lack_the_error_of_users_is_measured_first():
    made = [with_blocks(auc, seed=s, method="plain", shift=0.001) for s, auc in enumerate(BEAUTY["plain"])]
    for one in made[:2]:
        one.tasks["click"].left_out["auc"]["brand size"] = [[0] * 50] * 2
    with pytest.raises(NothingToShowError, match="only some runs on amazon-beauty have the error"):
        cells(data(rows(made)), "auc", "brand size")
    for one in made[2:]:
        one.tasks["click"].left_out["auc"]["brand size"] = [[0] * 50] * 2
    assert cells(data(rows(made)), "auc", "brand size")


def test_the_error_of_the_sample_of_users_is_added():
    made = [with_blocks(auc, seed=s, method="plain", shift=0.001) for s, auc in enumerate(BEAUTY["plain"])]
    made += [with_blocks(auc, seed=s, method="icl", shift=0.0014) for s, auc in enumerate(BEAUTY["icl"])]
    found = by_place(cells(data(rows(made)), "auc", "overall"))
    error = found["icl", "overall", "auc"].difference.error
    difference = np.subtract(BEAUTY["icl"], BEAUTY["plain"])
    assert error.of_training == pytest.approx(difference.var(ddof=1) / 5)
    # 50 values, half of which lie 0.0002 above and half 0.0002 below their mean.
    assert error.of_users == pytest.approx(49 / 50 * 50 * 0.0002**2)
    assert found["plain", "overall", "auc"].interval.high - found["plain", "overall", "auc"].mean == pytest.approx(
        Error(5, np.var(BEAUTY["plain"], ddof=1) / 5, 49 * 0.0005**2, 50).half_width()
    )
    relative = found["icl", "overall", "relaimpr"].difference
    assert relative.p == found["icl", "overall", "auc"].p
    assert relative.error.of_users > 0


def test_runs_without_the_users_error_are_compared_by_seeds_alone():
    made = [with_blocks(auc, seed=s, method="plain", shift=0.001) for s, auc in enumerate(BEAUTY["plain"])]
    made += records({"icl": BEAUTY["icl"]})
    found = by_place(cells(data(rows(made)), "auc", "overall"))
    assert found["icl", "overall", "auc"].difference.error.of_users is None


def in_worlds(made, **changes):
    """Records of one seed each in the row of the first's dataset."""
    worlds = [f"sim@seed={one.seed}" if one.seed else "sim" for one in made]
    prints = {world: f"{place:064x}" for place, world in enumerate(dict.fromkeys(worlds))}
    own = [
        one.model_copy(update={"dataset": world, "fingerprint": prints[world], "measuring_fingerprint": prints[world]})
        for one, world in zip(made, worlds, strict=True)
    ]
    found = [replace(row, key=replace(row.key, dataset="sim")) for row in rows(own, **changes)]
    beside = [each for world, fingerprint in prints.items() for each in references(world, fingerprint)]
    for each, shift in zip(beside, np.repeat(0.001 * np.arange(len(prints)), 4), strict=True):
        each.record.values["auc"]["overall"][0] += shift
    return found, beside


def test_over_worlds_the_spread_is_the_whole_error():
    made = [
        with_blocks(auc, seed=seed, method=method, shift=0.01)
        for method in ("plain", "aqcl")
        for seed, auc in enumerate(BEAUTY[method])
    ]
    of = recipe(datasets=["sim"], methods=["plain", "aqcl"], worlds=True)
    found = cells(data(*in_worlds(made), of=of), "auc", "overall")
    table = {(cell.method, cell.metric): cell for cell in found}
    aqcl, test = table["aqcl", "auc"], stats.ttest_rel(BEAUTY["aqcl"], BEAUTY["plain"])
    assert (aqcl.dataset, aqcl.seeds, aqcl.difference.error.of_users) == ("sim", 5, None)
    assert aqcl.delta_interval == pytest.approx(tuple(test.confidence_interval(0.95)), abs=1e-12)
    # A reference row has the mean over the worlds.
    assert table["oracle", "auc"].mean == pytest.approx(0.8105 + 0.002)


def test_groups_that_differ_between_worlds_are_refused():
    made = records({"plain": BEAUTY["plain"][:2]})
    found, _ = in_worlds(made)
    names = found[1].facts.groups["click"]["click_length"].model_copy(update={"names": ["L 0", "L 1", "L 2 to 30"]})
    groups = {"click": {**found[1].facts.groups["click"], "click_length": names}}
    found[1] = replace(found[1], facts=found[1].facts.model_copy(update={"groups": groups}))
    made = data(found, of=recipe(datasets=["sim"], methods=["plain"], worlds=True))
    assert cells(made, "auc", "activeness")
    with pytest.raises(NothingToShowError, match="'click_length' has other groups in other worlds of sim"):
        cells(made, "auc", "click_length")


def test_a_group_that_hangs_on_one_block_of_users_has_no_verdict():
    made = [with_blocks(auc, seed=s, method="plain", shift=0.001) for s, auc in enumerate(BEAUTY["plain"])]
    made += [with_blocks(auc, seed=s, method="icl", shift=0.0014) for s, auc in enumerate(BEAUTY["icl"])]
    for each in made:
        each.tasks["click"].left_out["auc"]["overall"][0][3] = None
    cell = by_place(cells(data(rows(made)), "auc", "overall"))["icl", "overall", "auc"]
    assert cell.base_delta == pytest.approx(np.mean(BEAUTY["icl"]) - np.mean(BEAUTY["plain"]))
    assert (cell.delta_interval, cell.p, cell.effect, cell.interval) == (None, None, None, None)


def test_lower_ne_improves(table):
    cell = table["aqcl", "overall", "ne"]
    assert cell.difference.value == pytest.approx(np.mean(BEAUTY["plain"]) - np.mean(BEAUTY["aqcl"]))
    assert (cell.verdict, cell.agreement, cell.value_verdict) == ("improves", None, "not published")


def test_a_metric_that_is_best_at_1_is_compared_by_its_distance():
    """Calibrations of 0.3 + AUC: the larger one hurts above 1 and improves below."""
    above = records({"plain": [0.70, 0.71, 0.72], "aqcl": [0.80, 0.81, 0.825]})
    cell = by_place(cells(data(rows(above)), "calibration", "overall"))["aqcl", "overall", "calibration"]
    assert (cell.mean > 1, cell.difference.value > 0, cell.effect) == (True, True, "hurts")
    below = records({"plain": [0.50, 0.51, 0.52], "aqcl": [0.60, 0.61, 0.625]})
    cell = by_place(cells(data(rows(below)), "calibration", "overall"))["aqcl", "overall", "calibration"]
    assert (cell.difference.value < 0, cell.effect) == (True, "improves")


def test_relaimpr_is_of_the_means_and_shares_the_test_of_auc(table):
    cell = table["aqcl", "highly-active", "relaimpr"]
    ours, base = (np.mean(BEAUTY[method]) + 0.1 for method in ("aqcl", "plain"))
    assert cell.mean == pytest.approx(((ours - 0.5) / (base - 0.5) - 1) * 100)
    assert cell.interval.low < cell.mean < cell.interval.high
    assert cell.p == table["aqcl", "highly-active", "auc"].p
    assert cell.published == 3.57


def test_ne_diff_is_of_the_means_in_percent_and_lower_is_better(table):
    cell, ne = table["aqcl", "overall", "ne_diff"], table["aqcl", "overall", "ne"]
    base = table["plain", "overall", "ne"].mean
    assert cell.mean == pytest.approx((ne.mean - base) / base * 100)
    assert cell.mean < 0
    assert (cell.p, cell.effect) == (ne.p, "improves")
    assert cell.interval == pytest.approx([100 * end / base for end in ne.difference.at(0.95)])


def test_base_has_no_difference_to_itself(table):
    auc, relaimpr = table["plain", "overall", "auc"], table["plain", "overall", "relaimpr"]
    assert (auc.difference, auc.p, auc.effect, auc.value_verdict) == (None, None, None, "higher")
    assert (relaimpr.mean, relaimpr.interval, relaimpr.value_verdict) == (0, None, None)


def test_order_is_base_first_then_references(beauty):
    found = every(data(rows(beauty[::-1]), references()))
    assert list(dict.fromkeys(cell.method for cell in found)) == [
        *("plain", "aqcl", "icl", "item popularity", "item id", "random", "oracle")
    ]
    assert list(dict.fromkeys(cell.group for cell in found)) == [
        *("overall", "non-active", "slightly-active", "highly-active")
    ]
    assert [cell.metric for cell in found[:4]] == ["auc", "relaimpr", "ne", "ne_diff"]


def test_only_the_oracle_has_an_ne(table):
    assert table["oracle", "non-active", "ne"].mean == pytest.approx(1.5 - 0.8105 + 0.02)
    assert ("random", "overall", "ne") not in table
    assert (table["random", "overall", "auc"].backbone, table["random", "overall", "auc"].mean) == ("-", 0.4993)


def test_a_reference_that_ranks_nothing_is_passed_over(beauty):
    first, *others = references()
    constant = replace(first, record=first.record.model_copy(update={"constant": True}))
    shown, left = ({cell.method for cell in every(data(rows(beauty), [row, *others]))} for row in (first, constant))
    assert shown - left == {"random"}


def test_references_of_another_task_are_passed_over(beauty):
    found = every(data(rows(beauty), references(task="conversion")))
    assert {cell.method for cell in found} == set(BEAUTY)


def test_two_tasks_have_numbers_and_references_of_their_own(beauty):
    both = {
        "click": TaskMetrics(definition="click", values=values(0.7)),
        "buy": TaskMetrics(definition="buy | click", values=values(0.6)),
    }
    made = rows([record(0.7, seed=seed, tasks=both) for seed in range(2)], tasks=("click", "buy | click"))
    found = cells(data(made, [*references(), *references(task="buy | click")]), "auc", "overall")
    beside = {"item popularity": 0.5121, "item id": 0.6491, "random": 0.4993, "oracle": 0.8105}.items()
    assert [(cell.task, cell.method, round(cell.mean, 4)) for cell in found if cell.metric == "auc"] == [
        *(("click", "plain", 0.7), ("buy", "plain", 0.6)),
        *(("click", name, auc) for name, auc in beside),
        *(("buy", name, auc) for name, auc in beside),
    ]
    # A published table that names no task is of the main one.
    assert [cell.published for cell in found if cell.metric == "auc"][:2] == [0.6956, None]


def test_one_name_for_two_tasks_is_refused(beauty):
    other = {"click": TaskMetrics(definition="click | seen", values=values(0.7))}
    made = [*rows(beauty), *rows([record(0.7, seed=9, tasks=other)], tasks=["click | seen"])]
    with pytest.raises(CtrbenchError, match=r"two tasks of amazon-beauty are called click \(click and click | seen\)"):
        cells(data(made), "auc", "overall")


def test_differences_are_over_common_seeds(beauty):
    # aqcl lacks seed 4, plain lacks seed 0.
    table = by_place(every(data(rows([r for r in beauty[:-1] if r is not beauty[0]]))))
    auc, relaimpr = table["aqcl", "overall", "auc"], table["aqcl", "overall", "relaimpr"]
    expected = np.mean(BEAUTY["aqcl"][1:4]) - np.mean(BEAUTY["plain"][1:4])
    assert auc.difference.value == pytest.approx(expected)
    assert (auc.seeds, auc.pairs, relaimpr.seeds) == (4, 3, 3)


def test_one_seed_has_neither_interval_nor_verdict():
    one = data(rows(records({name: own[:1] for name, own in BEAUTY.items()})))
    cell = by_place(every(one))["aqcl", "overall", "auc"]
    assert cell.difference.value == pytest.approx(0.7091 - 0.7012)
    assert (cell.std, cell.interval, cell.p, cell.value_verdict, cell.effect) == (None, None, None, None, None)


def test_without_base_there_is_nothing_to_compare(beauty):
    cell = by_place(every(data(rows(beauty[5:]))))["aqcl", "overall", "auc"]
    assert (cell.mean, cell.difference, cell.effect) == (pytest.approx(np.mean(BEAUTY["aqcl"])), None, None)


def test_group_of_one_class_is_undefined():
    found = by_place(every(data(rows([record(None, seed=seed) for seed in range(3)]))))
    cell = found["plain", "overall", "auc"]
    assert (cell.mean, cell.seeds, cell.value_verdict) == (None, 0, None)


def test_base_at_chance_has_no_relaimpr():
    found = by_place(every(data(rows(records({"plain": [0.5, 0.49], "aqcl": [0.6, 0.61]})))))
    relaimpr = found["aqcl", "overall", "relaimpr"]
    assert (relaimpr.mean, relaimpr.difference, relaimpr.p) == (None, None, None)
    assert found["aqcl", "overall", "auc"].difference.value == pytest.approx(0.11)


def test_variants_are_compared_each_with_its_own_base(beauty):
    worse = records({name: [v - seed * 0.01 for seed, v in enumerate(BEAUTY[name])] for name in ("plain", "aqcl")})
    found = every(data([*rows(beauty, "near"), *rows(worse, "far")], references()))
    assert list(dict.fromkeys((cell.variant, cell.method) for cell in found)) == [
        *(("near", "plain"), ("near", "icl"), ("near", "aqcl")),
        *(("far", "plain"), ("far", "aqcl")),
        *(("", "item popularity"), ("", "item id"), ("", "random"), ("", "oracle")),
    ]
    near, far = (
        next(c for c in found if (c.variant, c.method, c.group, c.metric) == (variant, "aqcl", "overall", "auc"))
        for variant in ("near", "far")
    )
    assert far.mean == pytest.approx(np.mean(BEAUTY["aqcl"]) - 0.02)
    assert far.difference.value == pytest.approx(near.difference.value)
    # Two comparisons are planned in both, though one has finished in one alone.
    p = stats.ttest_rel(BEAUTY["aqcl"], BEAUTY["plain"]).pvalue
    assert (near.p, far.p) == (pytest.approx(2 * p), pytest.approx(2 * p))


@pytest.mark.parametrize(
    ("second", "comparisons"),
    [
        # The methods are ICL and AQCL. A job that two variants share is one comparison.
        ({"methods.aqcl.weight": 0.5}, 3),
        ({"method.weight": 0.5}, 4),
        ({"training.learning_rate": 0.5}, 2),
        ({"training.learning_rate": 1e-3, "methods.aqcl.weight": 0.5}, 3),
    ],
)
def test_variants_that_leave_the_base_as_it_is_are_one_family(beauty, second, comparisons):
    of = recipe(variants={"as searched": {}, "other": second})
    found = by_place(cells(data(rows(beauty, "as searched"), of=of), "auc", "overall"))
    difference = found["aqcl", "overall", "auc"].difference
    assert difference.comparisons == comparisons


def test_rows_that_share_a_run_have_its_numbers(beauty):
    made = [*rows(beauty[:5], "near"), *rows(beauty[5:], "near"), *rows(beauty[:5], "far")]
    plain = [c for c in every(data(made)) if (c.method, c.group, c.metric) == ("plain", "overall", "auc")]
    assert [(c.variant, c.mean, c.seeds) for c in plain] == [
        (variant, pytest.approx(np.mean(BEAUTY["plain"])), 5) for variant in ("near", "far")
    ]


def test_a_changed_dataset_answers_to_the_published_values_of_its_card():
    changed = data(rows(records(BEAUTY, dataset="amazon-beauty@ties=apart")))
    cell = by_place(every(changed))["aqcl", "overall", "auc"]
    assert (cell.dataset, cell.published, cell.value_verdict) == ("amazon-beauty@ties=apart", 0.7078, "within")
    simulated = data(rows(records(BEAUTY, dataset="oncold-sim@split.test_days=5"), synthetic=True))
    cell = by_place(every(simulated))["aqcl", "overall", "auc"]
    assert (cell.published, cell.value_verdict) == (0.7691, "not comparable")
    why = why_not_comparable({}, facts("oncold-sim@split.test_days=5", synthetic=True))
    assert why == "simulated data in place of the private oncold"
    assert why_not_comparable({"a": "by hand"}, facts("a")) == "by hand"


@pytest.mark.parametrize(
    ("by", "groups"), [("click_length", ["L 0", "L 1 to 4", "L 5 to 30"]), ("brand size", ["small", "large"])]
)
def test_any_column_cuts_the_rows(beauty, by, groups):
    found = cells(data(rows(beauty)), "auc", by)
    assert [cell.group for cell in found if (cell.method, cell.metric) == ("plain", "auc")] == ["overall", *groups]
    assert by_place(cells(data(rows(beauty)), "auc", "overall")).keys() == {
        (method, "overall", metric) for method in BEAUTY for metric in ("auc", "relaimpr")
    }


def test_a_column_that_nobody_measured_is_refused_with_the_way_out(beauty):
    with pytest.raises(
        CtrbenchError, match=r"'age' \(measured: activeness, .*: ctrbench measure …/aqcl-beauty.toml --by age$"
    ):
        cells(data(rows(beauty)), "auc", "age")
    with pytest.raises(CtrbenchError, match=r"--by 'age\*surface type'$"):
        cells(data(rows(beauty)), "auc", "age*surface type")


def test_a_metric_that_nobody_measured_or_registered_is_refused(beauty):
    with pytest.raises(
        CtrbenchError, match="no finished run has measured gAUC; measure it: ctrbench measure …/aqcl-beauty"
    ):
        cells(data(rows(beauty)), "gauc", "overall")
    with pytest.raises(CtrbenchError, match="unknown metric 'aux'; did you mean auc"):
        cells(data(rows(beauty)), "aux", "overall")


def test_two_versions_of_a_column_are_refused(beauty):
    other = rows(beauty[1:])
    known = facts().groups["click"]
    groups = {"click": known | {"brand size": known["click_length"]}}
    mixed = [*rows(beauty[:1], groups=groups), *other]
    with pytest.raises(CtrbenchError, match="measured with two versions of column 'brand size'"):
        cells(data(mixed), "auc", "brand size")
    assert cells(data(mixed), "auc", "activeness")


def test_no_records_are_refused():
    with pytest.raises(CtrbenchError, match="aqcl-beauty: no finished run yet"):
        cells(data([]), "auc", "overall")


def test_two_versions_of_the_data_are_refused(beauty):
    mixed = rows([*beauty, record(0.7, seed=9, fingerprint="0" * 64)])
    with pytest.raises(CtrbenchError, match=r"two versions of amazon-beauty \(ffffffffffff and 000000000000\)"):
        cells(data(mixed), "auc", "overall")


def test_two_runs_for_one_place_are_refused(beauty):
    with pytest.raises(CtrbenchError, match="two runs of amazon-beauty din plain with seed 3"):
        cells(data(rows([*beauty, record(0.71, seed=3)])), "auc", "overall")
    again = [*rows(beauty, "near"), *rows(beauty, "far"), *rows(beauty[:1], "far")]
    with pytest.raises(CtrbenchError, match=r"two runs of amazon-beauty din plain \(far\) with seed 0"):
        cells(data(again), "auc", "overall")


def test_a_recipe_without_published_values_has_no_verdict_on_values(beauty):
    found = cells(data(rows(beauty), of=recipe(published=None)), "auc", "overall")
    assert {cell.value_verdict for cell in found} == {"not published"}
