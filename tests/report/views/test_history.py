"""Looks on validation rows, and means over runs by hand."""

from dataclasses import replace

import pytest

from ctrbench.errors import NothingToShowError
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.build import build
from ctrbench.report.select import ReportData, ReportRow
from tests.report.records import epochs, facts, recipe, record


def made(seed, values, kept):
    looks = tuple(
        replace(look, validation={"click": {"logloss": value}} if value else {})
        for look, value in zip(epochs(len(values)), values, strict=True)
    )
    own = record(0.7 + seed / 100, seed=seed).model_copy(update={"epochs": looks, "best_epoch": kept})
    return ReportRow(RowKey("amazon-beauty", "din", "plain"), own, facts("amazon-beauty"))


def shown(rows, metric="logloss"):
    of = recipe(methods=["plain"], seeds=2, views=[{"kind": "history", "metric": metric}], published=None)
    (view,) = build(ReportData(of, rows=tuple(rows), facts=(facts("amazon-beauty"),))).views
    return view


def test_every_look_has_a_row_and_the_kept_one_a_mark():
    view = shown([made(0, [0.6, 0.5, 0.7], 2), made(1, [0.6, 0.4], 2)])
    assert view.frame.column("value") == [0.6, 0.5, 0.7, 0.6, 0.4]
    assert view.frame.column("look") == view.frame.column("epochs") == [1, 2, 3, 1, 2]
    assert view.frame.column("kept") == [False, True, False, False, True]
    (row,) = view.table.records()
    assert (row["runs"], row["kept look"], row["looks"]) == (2, 2.0, 2.5)
    assert row["kept value"] == pytest.approx(0.45)


def test_looks_without_the_metric_are_left_out():
    view = shown([made(0, [None, 0.5], 2), made(1, [0.6, 0.4], 2)])
    assert view.frame.column("value") == [0.5, 0.6, 0.4]
    with pytest.raises(NothingToShowError, match="no finished run looked at ne of click"):
        shown([made(0, [0.5], 1)], metric="ne")
