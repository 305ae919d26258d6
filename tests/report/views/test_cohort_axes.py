"""The table of axes on records made by hand, against numbers worked out here."""

import numpy as np
import pytest

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.recipe.recipe import ViewSpec
from ctrbench.report.against import variants_as_methods
from ctrbench.report.published import read_axes
from ctrbench.report.views.cohort_axes import CohortAxes
from tests.report.records import data, recipe, records, rows

AXIS = "brand size"
PLAIN, OURS = [0.70, 0.71, 0.72], [0.71, 0.73, 0.72]


def cohort(name, ratio):
    return {"name": name, "rule": [f"{AXIS} = {name}"], "share": 0.4, "positive_ratio": ratio}


def found(axis=AXIS):
    pair = {"pair": "divergent", "divergence": 0.3, "null": 0.02, "found_on": "f" * 64}
    return {
        "dataset": "amazon-beauty",
        "axis": axis,
        "divergence": "js",
        "head_is": "the cohort with the higher share of positive labels",
        "pairs": [{**pair, "head": cohort("large", 0.31), "tail": cohort("small", 0.12)}],
    }


def shown(**changes):
    of = recipe(methods=["plain", "c2al"], variants={"age": {}}, published="c2al_table1", cohorts=[found()], **changes)
    made = [
        *rows(records({"plain": PLAIN}), "age"),
        *rows(records({"c2al": OURS}, settings={"method": {"axis": AXIS}}), "age"),
    ]
    (view,) = CohortAxes(ViewSpec(kind="cohort-axes", metric="ne"), "here").show(data(made, of=of))
    return [dict(zip(view.frame.names, row, strict=True)) for row in view.frame.rows]


def test_a_row_for_all_rows_the_head_and_the_tail():
    lines = shown()
    assert [(line["axis"], line["rows"], line["cohort"]) for line in lines] == [
        ("age", "overall", "all"),
        ("age", "head", "large"),
        ("age", "tail", "small"),
    ]
    # NE is 1.5 - AUC, whose level is .03 higher in large brands and the same in small ones.
    for line, above in zip(lines, (0.0, 0.03, 0.0), strict=True):
        plain, ours = (1.5 - np.mean(aucs) - above for aucs in (PLAIN, OURS))
        assert line["change"] == pytest.approx(100 * (ours / plain - 1))
        assert line["95 % interval"].low < line["change"] < line["95 % interval"].high
        assert line["seeds"] == 3
    assert [line["divergence"] for line in lines] == [0.3, None, None]
    assert [line["positives"] for line in lines] == [None, pytest.approx(31), pytest.approx(12)]
    assert [line["published"] for line in lines] == [-0.14, -0.16, -0.06]
    assert [line["published positives"] for line in lines] == [None, 0.05, 0.04]
    assert {line["beside the paper"] for line in lines} == {"other data"}
    private = shown(not_comparable={"amazon-beauty": "the paper's data are private"})
    assert {line["beside the paper"] for line in private} == {"not comparable"}


def test_axes_that_leave_the_base_alone_are_one_family_named_as_variants_or_as_methods():
    of = recipe(
        methods=["plain", "c2al"],
        variants={"age": {}, "two": {"methods.c2al.pair": "least"}},
        against="plain",
        cohorts=[found()],
    )
    ours = records({"c2al": OURS}, settings={"method": {"axis": AXIS}})
    made = data([*rows(records({"plain": PLAIN}), "age"), *rows(ours, "age"), *rows(ours, "two")], of=of)
    spec = ViewSpec(kind="cohort-axes", metric="ne")
    (alone,), (family,) = (CohortAxes(spec, "here").show(each) for each in (made, variants_as_methods(made)))
    names = alone.frame.names
    assert [row[names.index("axis")] for row in family.frame.rows] == ["age"] * 3 + ["two"] * 3
    place = names.index("p")
    (one,) = CohortAxes(spec, "here").show(
        data(
            [*rows(records({"plain": PLAIN}), "age"), *rows(ours, "age")],
            of=recipe(methods=["plain", "c2al"], variants={"age": {}}, cohorts=[found()]),
        )
    )
    for each in (alone, family):
        assert each.frame.rows[0][place] == pytest.approx(min(1, 2 * one.frame.rows[0][place]))


def test_a_metric_without_a_change_in_percent_is_refused():
    of = recipe(methods=["plain", "c2al"], cohorts=[found()])
    made = data(rows(records({"c2al": OURS}, settings={"method": {"axis": AXIS}})), of=of)
    with pytest.raises(CtrbenchError, match="view cohort-axes: Logloss has no change in percent"):
        CohortAxes(ViewSpec(kind="cohort-axes", metric="logloss"), "here").show(made)


def test_without_jobs_on_cohorts_there_is_nothing_to_show():
    of = recipe(methods=["plain", "c2al"], cohorts=[found("other")])
    made = data(rows(records({"plain": PLAIN})), of=of)
    with pytest.raises(NothingToShowError, match="no finished run was trained on cohorts"):
        CohortAxes(ViewSpec(kind="cohort-axes", metric="ne"), "here").show(made)


def test_the_published_axes_are_those_of_the_paper():
    assert list(read_axes("c2al_table1")) == ["revenue", "age", "age x surface type", "advertiser size"]
    assert read_axes(None) == {}
