"""The order of rows by score, and by wide codes."""

import numpy as np
import pytest

from ctrbench.metrics.ranking import Ranking, smallest, stable_order


@pytest.mark.parametrize("highest", [1, 100, 70_000, 1 << 20, 1 << 40, (1 << 63) - 1])
@pytest.mark.parametrize("lowest", [0, -5, -(1 << 63)])
def test_stable_order_keeps_the_order_of_equal_codes(lowest, highest):
    codes = np.random.default_rng(0).integers(lowest, highest, 3000) // 3 * 3  # repeats, with either half of the bits
    assert stable_order(codes).tolist() == sorted(range(3000), key=lambda row: codes[row])


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32, np.uint64])
def test_stable_order_of_all_codes_of_a_type(dtype):
    ends = np.iinfo(dtype)
    codes = np.random.default_rng(0).integers(ends.min, ends.max, 3000, dtype, endpoint=True)
    codes[::7] = ends.max
    assert stable_order(codes).tolist() == sorted(range(3000), key=lambda row: codes[row])


def test_stable_order_of_no_codes():
    assert stable_order(np.zeros(0, np.int64)).tolist() == []


def test_rows_within_codes_ascend_by_score():
    random = np.random.default_rng(1)
    score, user = random.integers(0, 5, 500) / 5, random.integers(0, 90_000, 500) % 7 * 10_000
    ranking = Ranking.of(score).within(user)
    keys = list(zip(user[ranking.order], score[ranking.order], strict=True))
    assert keys == sorted(zip(user, score, strict=True))
    assert (np.unique(score)[ranking.tie] == score[ranking.order]).all()


@pytest.mark.parametrize(("groups", "dtype"), [(1, np.int8), (128, np.int8), (129, np.int16), (40_000, np.int32)])
def test_smallest_type_holds_all_codes(groups, dtype):
    codes = smallest(np.array([-1, 0, groups - 1]), groups)
    assert codes.dtype == dtype
    assert codes.tolist() == [-1, 0, groups - 1]
