"""Shares of the way to the oracle, worked out by hand."""

import pytest

from ctrbench.errors import NothingToShowError
from ctrbench.report.build import build
from ctrbench.report.render.picture import picture
from ctrbench.report.views.oracle_gap import ON_CARD, factors
from tests.report.records import data, recipe, record, references, rows

WORLDS = {"sim@scale=0.01": 0.02, "sim@scale=0.01@options.clustering=1.0": -0.01}
"""World -> what AQCL changes; plain has 0.70, the oracle 0.8105."""
PLAIN = (0.69, 0.71)


def shown(*, worlds=WORLDS, oracle=True, methods=("plain", "aqcl"), metric="auc", by="overall", seeds=2):
    of = recipe(
        datasets=list(worlds),
        methods=list(methods),
        seeds=seeds,
        published=None,
        views=[{"kind": "oracle-gap", "metric": metric, "by": by}],
    )
    made, beside = [], []
    for name, gain in worlds.items():
        for method in methods:
            added = gain if method == "aqcl" else 0.0
            made += rows(record(PLAIN[seed] + added, dataset=name, method=method, seed=seed) for seed in range(seeds))
        beside += [row for row in references(name) if oracle or row.record.reference != "oracle"]
    return build(data(made, beside, of=of))


def test_closed_is_the_change_over_the_oracles_distance():
    (view,) = shown().views
    first, second = view.frame.records()
    assert (first["clustering"], second["clustering"]) == (ON_CARD, "1.0")
    assert (first["base"], first["oracle"], first["change"]) == pytest.approx((0.70, 0.8105, 0.02))
    assert first["closed"] == pytest.approx(100 * 0.02 / 0.1105)
    assert second["closed"] == pytest.approx(-100 * 0.01 / 0.1105)


def test_a_metric_that_should_be_low_has_the_same_sign_of_closed():
    """NE is 1.5 minus the AUC here, for the oracle too."""
    (view,) = shown(metric="ne").views
    first, second = view.frame.records()
    assert (first["change"], second["change"]) == pytest.approx((-0.02, 0.01))
    assert (first["closed"], second["closed"]) == pytest.approx((100 * 0.02 / 0.1105, -100 * 0.01 / 0.1105))
    assert first["closed_low"] <= first["closed"] <= first["closed_high"]


@pytest.mark.parametrize("metric", ["auc", "ne"])
def test_there_is_no_way_to_an_oracle_below_the_base(monkeypatch, metric):
    monkeypatch.setattr(f"{__name__}.PLAIN", (0.82, 0.84))
    records = list(shown(metric=metric).views[0].frame.records())
    assert [(row["closed"], row["closed_low"]) for row in records] == [(None, None)] * 2
    assert all(row["change"] for row in records)


def test_a_metric_that_is_best_at_1_has_no_way_to_the_oracle():
    with pytest.raises(NothingToShowError, match="no method has a finished run"):
        shown(metric="calibration")


def test_each_group_has_its_own_oracle():
    (view,) = shown(by="activeness", worlds={"sim": 0.02}).views
    found = {row["group"]: row["oracle"] for row in view.frame.records()}
    assert found["overall"] == pytest.approx(0.8105)
    assert found["highly-active"] == pytest.approx(0.9105)


def test_one_seed_has_no_interval():
    (view,) = shown(seeds=1).views
    assert all(row["closed_low"] is None and row["closed"] is not None for row in view.frame.records())


def test_data_without_an_oracle_have_nothing_to_show():
    with pytest.raises(NothingToShowError, match="no method has a finished run beside one of plain on simulated data"):
        shown(oracle=False)


def test_the_base_alone_has_nothing_to_show():
    with pytest.raises(NothingToShowError, match="no method has a finished run"):
        shown(methods=("plain",))


def test_the_picture_is_drawn_from_the_frame_alone():
    report = shown()
    (view,) = report.views
    svg = picture(view, report, "svg")
    assert svg == picture(view, report, "svg")
    assert svg.startswith(b"<?xml")


def test_factors_are_the_changes_in_which_worlds_differ():
    names = ["sim@scale=0.1@options.a=1", "sim@scale=0.1@options.a=2@ties=apart", "sim@scale=0.1"]
    assert factors(names) == {
        names[0]: {"a": "1", "ties": ON_CARD},
        names[1]: {"a": "2", "ties": "apart"},
        names[2]: {"a": ON_CARD, "ties": ON_CARD},
    }
    assert factors(["sim", "sim"]) == {"sim": {}}
