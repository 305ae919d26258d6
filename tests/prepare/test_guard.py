"""Every promise is broken on purpose; the guard must fire."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ctrbench.data.schema import Cohort, Field, Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import guard
from ctrbench.prepare.card import Card
from ctrbench.prepare.formats import FORMATS
from ctrbench.prepare.split import DAY
from ctrbench.prepare.stage import prepare
from tests.fakes import prepared as fakes

SEQUENCE = np.array([5, 6, 7, 8, 5], np.int32)


def rows() -> dict[str, list[int]]:
    """User 1: three clicks and two stored negatives; user 2: two clicks and one."""
    return {
        "user": [1, 1, 1, 1, 1, 2, 2, 2],
        "item": [5, 6, 2, 7, 3, 8, 5, 6],
        "click": [1, 1, 0, 1, 0, 1, 1, 0],
        "start": [0, 0, 0, 0, 0, 3, 3, 3],
        "length": [0, 1, 1, 2, 2, 0, 1, 1],
        "time": [10, 20, 20, 30, 30, 15, 15, 15],
        "split": [0, 1, 1, 2, 2, 0, 2, 2],
    }


def check(columns: dict[str, list[int]], sequence: np.ndarray = SEQUENCE, **options: int) -> None:
    guard.check(pa.table(columns), sequence, label="click", **{"sampled": True, **options})


def test_sound_rows_pass() -> None:
    check(rows())


@pytest.mark.parametrize(
    ("column", "row", "value", "message"),
    [
        ("user", 5, 1, "earlier split|not in time order"),
        ("user", 0, 3, "users are not contiguous"),
        ("time", 1, 5, "not in time order"),
        ("split", 0, 2, "earlier split follows"),
        ("item", 1, 7, "sequence is not the clicks"),
        ("start", 5, 2, "does not start at its user's first click"),
        ("length", 0, 1, "reaches to its row or past it"),
        ("length", 0, -1, "reaches to its row or past it"),
        ("length", 4, 3, "stored negative differs"),
        ("time", 4, 31, "stored negative differs"),
        ("split", 4, 1, "earlier split|stored negative differs"),
    ],
)
def test_a_broken_row_is_refused(column: str, row: int, value: int, message: str) -> None:
    columns = rows()
    columns[column][row] = value
    with pytest.raises(CtrbenchError, match=message):
        check(columns)


def test_a_history_that_holds_its_own_click_is_refused() -> None:
    columns = rows()
    columns["length"][3] = columns["length"][4] = 3
    with pytest.raises(CtrbenchError, match=r"reaches to its row or past it \(row 3, 2 in all\)"):
        check(columns)


def test_a_click_in_two_splits_is_refused() -> None:
    columns = rows()
    columns["item"][3], columns["time"][3], columns["time"][4] = 6, 20, 20
    with pytest.raises(CtrbenchError, match="click is in two splits"):
        check(columns, np.array([5, 6, 6, 8, 5], np.int32))


def test_apart_refuses_a_click_of_the_rows_own_time() -> None:
    with pytest.raises(CtrbenchError, match=r"of its row's own time \(row 6, 2 in all\)"):
        check(rows(), apart=True)
    columns = rows()
    columns["length"][6] = columns["length"][7] = 0
    check(columns, apart=True)


def test_impressions_may_have_any_history_before_them_but_none_past() -> None:
    columns = rows()
    columns["length"] = [0, 0, 2, 0, 3, 0, 0, 2]
    check(columns, sampled=False)
    columns["length"][2] = 3
    with pytest.raises(CtrbenchError, match=r"past it \(row 2, 1 in all\)"):
        check(columns, sampled=False)


DAYS = [0, 4, 4, 8, 8, 1, 8, 8]
"""With these days for times, three days lie between the splits of :func:`rows`, and none after test."""


def by_day(**changed: list[int]) -> dict[str, list[int]]:
    return rows() | {"time": [DAY * day for day in DAYS]} | changed


def test_a_horizon_needs_free_days_between_and_after_the_splits() -> None:
    check(by_day())
    with pytest.raises(CtrbenchError, match=r"data end within the 2 days after a test row \(row 3, 4 in all\)"):
        check(by_day(), horizon_days=2)
    with pytest.raises(CtrbenchError, match=r"validation lies within the 3 days after train \(row 1, 2 in all\)"):
        check(by_day(), horizon_days=3)
    late = [*(0, 4, 4, 8, 8), *(1, 6, 6)]
    with pytest.raises(CtrbenchError, match=r"row of test lies within the 2 days after validation \(row 6, 2 in all\)"):
        check(by_day(time=[DAY * day for day in late]), horizon_days=2)
    check(by_day(split=[0, 1, 1, 2, 2, -1, -1, -1], time=[DAY * day for day in (*DAYS[:6], 10, 10)]), horizon_days=2)


def test_rows_in_no_split_may_lie_anywhere_and_hide_no_row_out_of_order() -> None:
    check(rows() | {"split": [0, -1, -1, 2, 2, 0, -1, -1]})
    with pytest.raises(CtrbenchError, match=r"earlier split follows one of a later split \(row 3, 2 in all\)"):
        check(rows() | {"split": [2, -1, -1, 0, 0, 0, -1, -1]})


def manifest(**changes: object) -> Manifest:
    return fakes.manifest().model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ("x/../../ESCAPED",)}, "toy: 'x/../../ESCAPED' is not fit to be the name of a label"),
        ({"labels": ("n" * 300,)}, "toy: the name 'n{40}…' of a label is too long"),
        ({"fields": (Field(name="a|b", source="row", size=2),)}, "toy: 'a|b' is not fit to be the name of a field"),
        (
            {"cohorts": (Cohort(name="../x", source="row", values=("a",)),)},
            "toy: '../x' is not fit to be the name of a f",
        ),
        ({"cohorts": (Cohort(name="click", source="row", values=("a",)),)}, "toy: two labels, .* are called 'click'"),
        ({"cohorts": (Cohort(name="x", source="row", values=("overall",)),)}, "toy: cohort 'x': a group is called 'ov"),
    ],
)
def test_names_of_a_format_from_outside_are_checked(changes: dict[str, object], message: str) -> None:
    guard.check_names(manifest())
    with pytest.raises(CtrbenchError, match=message.replace("|", r"\|")):
        guard.check_names(manifest(**changes))


def test_the_stage_checks_the_names_of_every_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS._loaded, "outside", lambda request: manifest(labels=("../x",)))
    document = {"name": "mine", "title": "Mine", "format": "outside", "split": {"rule": "last-day"}}
    with pytest.raises(CtrbenchError, match=r"'\.\./x' is not fit to be the name of a label"):
        prepare(Card.read(document, "card"), tmp_path)
    assert list(tmp_path.iterdir()) == []
