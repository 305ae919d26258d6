"""Changes in percent beside the values of a paper on private models, against numbers worked out here."""

import numpy as np
import pytest

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.recipe.recipe import ViewSpec
from ctrbench.report.build import build
from ctrbench.report.published import PrivateChange, read_private
from ctrbench.report.render.picture import picture
from ctrbench.report.views.private_changes import PrivateChanges
from tests.report.records import data, recipe, records, rows

PLAIN, OURS = [0.70, 0.71, 0.72], [0.71, 0.73, 0.72]
REASON = {"amazon-beauty": "the paper's data are private"}


def report_data(**changes):
    of = recipe(
        methods=["plain", "c2al"],
        backbones=["din", "deepfm"],
        **{"published": "c2al_table2", "metrics": ["ne"]} | changes,
    )
    made = [
        row
        for backbone in ("din", "deepfm")
        for row in rows(records({"plain": PLAIN, "c2al": OURS}, backbone=backbone, settings={}))
    ]
    return data(made, of=of)


def shown(by="overall", metric="ne", **changes):
    spec = ViewSpec(kind="private-changes", metric=metric, by=by)
    (view,) = PrivateChanges(spec, "here").show(report_data(**changes))
    return [dict(zip(view.frame.names, row, strict=True)) for row in view.frame.rows]


def test_our_models_then_those_of_the_paper_with_the_same_label():
    lines = shown()
    assert [(line["dataset"], line["model"], line["method"]) for line in lines] == [
        ("amazon-beauty", "din", "c2al"),
        ("amazon-beauty", "deepfm", "c2al"),
        ("paper", "A", None),
        ("paper", "B", None),
    ]
    plain, ours = (1.5 - np.mean(aucs) for aucs in (PLAIN, OURS))
    for line in lines[:2]:
        assert line["change"] == pytest.approx(100 * (ours / plain - 1))
        assert line["change_low"] < line["change"] < line["change_high"]
        assert (line["seeds"], line["published"], line["beside the paper"]) == (3, None, None)
    for line, value in zip(lines[2:], (-0.07, -0.11), strict=True):
        assert (line["change"], line["published"]) == (None, value)
        assert line["beside the paper"] == "not comparable: private data"


def test_a_value_of_percentiles_stands_in_the_rows_of_the_groups_within_them(monkeypatch):
    value = PrivateChange(-0.04, column="brand size", low=30, high=70)
    assert value.is_about("brand size", "30-35 %")
    assert value.is_about("brand size", "65-70 %")
    assert not value.is_about("brand size", "65-75 %")
    assert not value.is_about("brand size", "large")
    assert not value.is_about("user value", "30-35 %")
    monkeypatch.setattr(
        PrivateChange, "is_about", lambda value, column, group: (column, group) == ("brand size", "large")
    )
    found = {line["group"]: line for line in shown("brand size", published="c2al_figure6", not_comparable=REASON)}
    assert found.keys() == {"small", "large"}
    assert found["small"]["published"] is None
    assert found["large"]["published"] == -0.019
    assert found["large"]["beside the paper"] == "not comparable: the paper's data are private"


def test_what_the_paper_reports():
    table = read_private("c2al_table2")
    assert [(each.model, each.label, each.percent) for each in table[:3]] == [
        ("A", "click", -0.07),
        ("B", "click", -0.11),
        ("C", "conversion", -0.16),
    ]
    bars = read_private("c2al_figure6")
    assert len(bars) == 13
    (middle,) = (bar for bar in bars if bar.is_about("user_value_percentile", "45-50 %"))
    assert (middle.percent, middle.low, middle.high) == (-0.039, 30, 70)
    assert read_private(None) == read_private("aqcl_table2") == ()
    with pytest.raises(CtrbenchError, match="unknown published table 'c2al_table9'"):
        read_private("c2al_table9")


def test_another_metric_has_no_published_value():
    with pytest.raises(CtrbenchError, match="Calibration has no change in percent; name ne"):
        shown(metric="calibration")


def test_no_method_beside_the_base():
    of = recipe(methods=["plain"], published="c2al_table2")
    view = PrivateChanges(ViewSpec(kind="private-changes", metric="ne", by="overall"), "here")
    with pytest.raises(NothingToShowError, match="no finished run of a method beside plain"):
        view.show(data(rows(records({"plain": PLAIN})), of=of))


@pytest.mark.parametrize("by", ["overall", "brand size"])
def test_it_is_drawn(by):
    of_data = report_data(views=[{"kind": "private-changes", "metric": "ne", "by": by}])
    report = build(of_data)
    (view,) = report.drawn
    assert picture(view, report, "svg") == picture(view, report, "svg")
