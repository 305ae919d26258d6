"""Which looks are kept with each variant, counted by hand."""

import pytest

from ctrbench.errors import NothingToShowError
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.build import build
from ctrbench.report.select import ReportData, ReportRow
from tests.report.records import epochs, facts, recipe, record

KEPT = {"short": {0: 2, 1: 3, 2: 4}, "long": {0: 2, 1: 5, 3: 1}}
"""Variant -> seed -> the look that a run keeps; it has one look more."""


def shown(kept):
    of = recipe(
        methods=["plain"],
        seeds=4,
        variants={name: {} for name in KEPT},
        views=[{"kind": "kept-looks"}],
        published=None,
    )
    rows = [
        ReportRow(
            RowKey("amazon-beauty", "din", "plain", variant),
            record(method="plain", seed=seed, auc=0.7).model_copy(
                update={"epochs": epochs(look + 1), "best_epoch": look}
            ),
            facts("amazon-beauty"),
        )
        for variant, own in kept.items()
        for seed, look in own.items()
    ]
    return build(ReportData(of, rows=tuple(rows), facts=(facts("amazon-beauty"),)))


def test_runs_are_compared_by_seed_with_the_first_variant():
    (view,) = shown(KEPT).views
    short, long = view.table.rows
    assert short == ("amazon-beauty", "din", "plain", "short", 3, 3.0, 4.0, 3, 3)
    assert long == ("amazon-beauty", "din", "plain", "long", 3, pytest.approx(8 / 3), pytest.approx(11 / 3), 1, 2)
    assert view.reading.endswith("plain on amazon-beauty: 1 of 2 runs keep the same look with long as with short.")


def test_nothing_to_compare():
    with pytest.raises(NothingToShowError, match="no finished run"):
        shown({})
