"""Frames of numbers without pandas."""

import numpy as np
import pytest

from ctrbench.metrics.significance import Interval
from ctrbench.report.frame import Column, Frame, Level, stacked

FRAME = Frame.of(
    ("name", "kind", "auc", "auc_low", "auc_high", "rows"),
    [("a", "x", 0.71234567, 0.7, 0.72, 1_234_567), ("b", "y", None, None, None, 2)],
)


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        (Column("", ".4f"), 0.70004, "0.7000"),
        (Column("", ".4f"), Level(0.7, None), "0.7000"),
        (Column("", ".4f"), Level(0.7, 0.01), "0.7000 ± 0.0100"),
        (Column("", "+.4f"), Interval(-0.1, 0.2), "[-0.1000, +0.2000]"),
        (Column("", "+.2f", " %"), 1.234, "+1.23 %"),
        (Column("", ".3f", is_probability=True), 0.0009, "< 0.001"),
        (Column("", ".3f", is_probability=True), 0.001, "0.001"),
        (Column("", ".4g"), 1_234_567, "1234567"),
        (Column(""), "words", "words"),
        (Column(""), None, "-"),
        (Column(""), "", "-"),
    ],
)
def test_values_as_text(column, value, text):
    assert column.text(value) == text


def test_leading_columns_of_text_name_the_rows():
    assert (FRAME.keys, FRAME.names[:2]) == (2, ("name", "kind"))
    assert Frame.of(("n", "x"), [(1, 2)]).keys == 1


def test_columns_and_rows_are_chosen_by_name():
    assert FRAME.only(["rows", "name"]).rows == ((1_234_567, "a"), (2, "b"))
    assert FRAME.without("kind", "auc").names == ("name", "auc_low", "auc_high", "rows")
    assert FRAME.where(kind=["y"], rows=[2, 3]).column("name") == ["b"]
    assert FRAME.where(name=["a"]).without_empty_columns() == FRAME.where(name=["a"])
    assert FRAME.where(name=["b"]).without_empty_columns().names == ("name", "kind", "rows")


def test_ends_of_an_interval_become_one_column():
    shown = FRAME.with_intervals()
    assert shown.names == ("name", "kind", "auc", "auc 95 %", "rows")
    assert shown.texts() == [("a", "x", "0.7123", "[0.7, 0.72]", "1234567"), ("b", "y", "-", "-", "2")]


def test_names_that_end_as_if_they_were_an_end_stay():
    columns = Column("price_low", is_key=True), Column("risk_high", is_key=True), Column("gain_low", ".2f")
    shown = Frame(columns, (("cheap", "none", 0.1),)).with_intervals()
    assert shown.names == ("price low", "risk high", "gain low")
    assert shown.rows == (("cheap", "none", 0.1),)


def test_records_of_different_kinds_are_stacked():
    frame = stacked(("a", "b"), [{"a": "x"}, {"b": 1.0, "c": 2.0}])
    assert frame.rows == (("x", None), (None, 1.0))


def test_pandas_has_nan_where_numbers_are_undefined():
    table = stacked(("text", "number", "nothing"), [{"text": "x", "number": 1}, {}]).pandas()
    assert (table["number"].dtype, table["nothing"].dtype) == (np.float64, np.float64)
    assert table["text"].isna().to_list() == [False, True]
