"""The predictions of head and tail, from a file of cohorts made by hand."""

import pytest

from ctrbench.errors import NothingToShowError
from ctrbench.report.build import build
from ctrbench.report.render.picture import picture
from ctrbench.report.select import ReportData
from tests.report.records import recipe


def cohort(name, predictions):
    return {"name": name, "rule": ["a = b"], "share": 0.4, "positive_ratio": 0.3, "predictions": predictions}


def found(axis="age", dataset="amazon-beauty", **changes):
    pair = {"pair": "divergent", "divergence": 0.3, "null": 0.02, "found_on": "f" * 64}
    own = {"head": cohort("large", [1, 3]), "tail": cohort("small", [3, 1])}
    head_is = "the later on the axis"
    return {
        **{"dataset": dataset, "axis": axis, "divergence": "js", "head_is": head_is, "pairs": [{**pair, **own}]},
        **{"log_predictions": [-4.0, 0.0]} | changes,
    }


def shown(*axes, **view):
    of = recipe(cohorts=list(axes), views=[{"kind": "cohort-predictions", **view}])
    report = build(ReportData(of))
    return report, report.views[0]


def test_densities_are_those_of_the_counts():
    _, view = shown(found(), found("other", dataset="ta-feng"))
    assert [row[:4] for row in view.frame.rows[::2]] == [
        ("amazon-beauty", "age", "head", "large"),
        ("amazon-beauty", "age", "tail", "small"),
    ]
    assert [row[4:] for row in view.frame.rows[:2]] == [(-4, -2, 0.125), (-2, 0, 0.375)]
    means = view.table.column("mean log prediction")
    assert means == [pytest.approx(-3 / 4 - 1 * 3 / 4), pytest.approx(-3 * 3 / 4 - 1 / 4)]
    assert view.table.column("share") == [40, 40]


def test_a_file_without_predictions_says_how_to_get_them():
    with pytest.raises(NothingToShowError, match="no predictions; find them again with ctrbench cohorts"):
        shown(found(log_predictions=[]))
    with pytest.raises(NothingToShowError, match="no pair 'least'; see ctrbench cohorts"):
        shown(found(), options={"pair": "least"})


def test_every_axis_has_a_panel():
    report, view = shown(*(found(axis) for axis in ("age", "value", "size", "surface")))
    titles = [axes.get_title() for axes in view.draw(view.frame).axes if axes.get_visible()]
    assert titles == [f"{axis}\namazon-beauty" for axis in ("age", "value", "size", "surface")]
    assert picture(view, report, "png").startswith(b"\x89PNG")
