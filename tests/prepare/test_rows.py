import numpy as np
import pandas as pd
import pytest

from ctrbench.prepare.rows import histories, order


def test_ties_in_file_order_are_stable() -> None:
    frame = pd.DataFrame({"user": [2, 1, 1, 1], "item": [1, 9, 3, 5], "time": [0, 7, 7, 2]})
    assert order(frame, "file-order").tolist() == [3, 1, 2, 0]


def test_hashed_ties_do_not_depend_on_the_file() -> None:
    frame = pd.DataFrame({"user": np.repeat([1, 2], 50), "item": np.tile(np.arange(1, 51), 2), "time": 5})
    shuffled = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    one, two = (f.iloc[order(f, "hashed")]["item"].to_numpy() for f in (frame, shuffled))
    assert (one == two).all()
    # Neither by item nor alike for every user: the place in a tie tells nothing of the item.
    assert abs(np.corrcoef(one[:50], np.arange(50))[0, 1]) < 0.4
    assert (one[:50] != one[50:]).any()


def test_hashed_order_still_sorts_by_time_first() -> None:
    frame = pd.DataFrame({"user": 1, "item": np.arange(20), "time": np.arange(20)[::-1]})
    assert order(frame, "hashed").tolist() == list(range(20))[::-1]


@pytest.mark.parametrize(
    ("apart", "lengths"),
    [(False, [0, 1, 1, 2, 3, 0, 0]), (True, [0, 0, 0, 2, 2, 0, 0])],
)
def test_history_is_the_clicks_before_the_row(apart: bool, lengths: list[int]) -> None:
    user = np.array([1, 1, 1, 1, 1, 2, 2], np.int32)
    time = np.array([5, 5, 5, 8, 8, 9, 9], float)
    click = np.array([1, 0, 1, 1, 0, 0, 1], bool)
    start, length = histories(user, time, click, apart=apart)
    assert start.tolist() == [0, 0, 0, 0, 0, 3, 3]
    assert length.tolist() == lengths
