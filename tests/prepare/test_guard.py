"""Every promise is broken on purpose; the guard must fire."""

import numpy as np
import pyarrow as pa
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare import guard

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


def check(columns: dict[str, list[int]], sequence: np.ndarray = SEQUENCE, **options: bool) -> None:
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
