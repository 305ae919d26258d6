import numpy as np
import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.negatives import draw

SIZE = 11
POPULARITY = np.array([0, *range(10)])


def drawn(user: np.ndarray, owned: dict[int, list[int]], exponent: float = 0.0, per_positive: int = 1) -> np.ndarray:
    keys = np.array(sorted(u * SIZE + i for u, items in owned.items() for i in items))
    generator = np.random.default_rng(0)
    return draw(user, keys, POPULARITY, exponent=exponent, per_positive=per_positive, generator=generator)


def test_no_negative_is_an_item_of_the_user_or_the_reserved_id() -> None:
    negatives = drawn(np.ones(500, np.int64), {1: [1, 3, 5], 2: [2]})
    assert set(negatives.ravel()) == {2, 4, 6, 7, 8, 9, 10}


def test_several_negatives_of_a_row_differ() -> None:
    negatives = drawn(np.ones(200, np.int64), {1: [1, 2, 3]}, per_positive=6)
    assert all(len(set(row)) == 6 for row in negatives)


def test_uniform_takes_every_item_alike_and_one_takes_popularity() -> None:
    user = np.full(40_000, 2)
    uniform = np.bincount(drawn(user, {1: [1]}).ravel(), minlength=SIZE) / 40_000
    np.testing.assert_allclose(uniform[1:], 0.1, atol=0.01)
    proportional = np.bincount(drawn(user, {1: [1]}, exponent=1.0).ravel(), minlength=SIZE) / 40_000
    np.testing.assert_allclose(proportional, POPULARITY / 45, atol=0.01)
    root = np.bincount(drawn(user, {1: [1]}, exponent=0.5).ravel(), minlength=SIZE) / 40_000
    np.testing.assert_allclose(root, np.sqrt(POPULARITY) / np.sqrt(POPULARITY).sum(), atol=0.01)


def test_a_user_of_nearly_all_likely_items_gets_what_is_left() -> None:
    negatives = drawn(np.ones(50, np.int64), {1: [i for i in range(1, 11) if i not in (2, 7)]}, per_positive=2)
    assert (np.sort(negatives) == [2, 7]).all()


def test_a_user_of_all_items_is_an_error() -> None:
    with pytest.raises(CtrbenchError, match=r"no negative is left for a user who clicked 10 items; leave"):
        drawn(np.ones(1, np.int64), {1: list(range(1, 11))})
