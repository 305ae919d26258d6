"""Changes against the base beside published ones."""

import pytest

from ctrbench.errors import NothingToShowError
from tests.report.views.test_figures import MARGIN, shown


def test_changes_stand_beside_published_ones_where_these_can_be_compared():
    options = {"published": "aqcl_table2", "methods": ["plain", "icl", "aqcl"]}
    (view,) = shown("forest", **options, not_comparable={"ta-feng": "of another kind"}).views
    rows = [row for row in view.frame.records() if row["group"] == "overall"]
    assert [(row["dataset"], row["method"]) for row in rows] == [
        *(("amazon-beauty", "icl"), ("amazon-beauty", "aqcl"), ("ta-feng", "icl"), ("ta-feng", "aqcl"))
    ]
    assert [row["change"] for row in rows] == pytest.approx([0.02] * 4)
    assert [row["published"] for row in rows] == [pytest.approx(0.0060), pytest.approx(0.0122), None, None]
    assert [row["agreement"] for row in rows] == ["open", "open", None, None]


def test_an_interval_of_one_method_is_that_of_its_seeds():
    (view,) = shown("forest").views
    row = next(iter(view.frame.records()))
    assert (row["change"] - row["low"], row["high"] - row["change"]) == pytest.approx((MARGIN, MARGIN))


def test_nothing_stands_beside_the_base():
    with pytest.raises(NothingToShowError, match="no method has a finished run beside one of plain"):
        shown("forest", missing=lambda key, seed: key.method != "plain")
