"""What a view says of searches that the test makes up."""

import pytest

from ctrbench.errors import NothingToShowError
from ctrbench.report.build import build
from ctrbench.report.select import Edge, ReportData, SearchFacts
from ctrbench.store.best_settings import SearchResult, Trial
from tests.report.records import facts, recipe, records, rows

SPACE = {"training.embedding_l2": {"low": 1e-4, "high": 1e-1, "log": True}}
VALUES = {
    "plain": ((0.60, ()), (None, ()), (0.56, (0.58,)), (0.55, (0.60,))),
    "aqcl": ((0.57, (0.57,)), (0.58, (0.59,)), (0.59, ()), (0.60, ())),
}
"""First value and further ones, by trial."""


def result(method, winner, objective="logloss"):
    trials = tuple(
        Trial(
            settings={"training.embedding_l2": 0.001 * number},
            state="failed" if value is None else "complete",
            value=value,
            further=further,
            epochs=3,
        )
        for number, (value, further) in enumerate(VALUES[method], 1)
    )
    best = trials[winner]
    assert best.mean
    return SearchResult(
        dataset="amazon-beauty",
        backbone="din",
        method=method,
        settings={"training.embedding_l2": 0.09 if method == "plain" else 0.001},
        objective=objective,
        value=best.mean,
        seeds=2,
        basis="b",
        fingerprint="f",
        trials=trials,
    )


def shown(*results):
    of = recipe(
        methods=["plain", "aqcl"],
        views=[{"kind": "search"}],
        published=None,
        search={"trials": 4, "seeds": 2, "space": SPACE},
    )
    edge = Edge("amazon-beauty", "din", "plain", "training.embedding_l2", 0.09)
    searched = SearchFacts(8, 4, 1, (edge,), results)
    made = rows(records({"plain": [0.7], "aqcl": [0.7]}))
    data = ReportData(of, rows=tuple(made), facts=(facts("amazon-beauty"),), searched=searched)
    (view,) = build(data).views
    return view


def test_the_best_so_far_and_the_lead_of_the_winner():
    view = shown(result("plain", 2), result("aqcl", 0))
    assert view.frame.column("best so far") == [0.60, 0.60, 0.56, 0.55, 0.57, 0.57, 0.57, 0.57]
    assert view.frame.column("mean over seeds") == [
        *(None, None, pytest.approx(0.57), pytest.approx(0.575)),
        *(pytest.approx(0.57), pytest.approx(0.585), None, None),
    ]
    plain, aqcl = view.table.records()
    assert (plain["trials"], plain["failed"], plain["found at"], plain["finalists"]) == (4, 1, 4, 2)
    assert (plain["winner"], plain["second"]) == (pytest.approx(0.57), pytest.approx(0.575))
    # Variances 0.0002 and 0.00125 of two seeds each.
    assert plain["seed spread"] == pytest.approx(((0.0002 + 0.00125) / 2) ** 0.5)
    assert (plain["on an edge"], aqcl["on an edge"]) == ("embedding_l2", "")
    assert view.reading.endswith(
        "Not finished: training.embedding_l2 of plain din on amazon-beauty lies on an edge; a wider space may hold "
        "better."
    )


def test_a_metric_of_which_more_is_better_and_a_method_on_an_edge():
    view = shown(result("aqcl", 1, objective="click.auc"))
    assert view.frame.column("best so far") == [0.57, 0.58, 0.59, 0.60]
    (row,) = view.table.records()
    assert (row["found at"], row["second"]) == (4, pytest.approx(0.57))
    assert "Not finished" not in view.reading


def test_nothing_was_searched():
    with pytest.raises(NothingToShowError, match="none of its rows was searched"):
        shown()
