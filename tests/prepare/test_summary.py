import numpy as np

from ctrbench.data.schema import Split
from ctrbench.prepare.summary import activeness_curve, first_test_lengths, search_holdout_counts


def test_the_curve_goes_from_the_least_to_the_most_active_test_user() -> None:
    curve = activeness_curve(np.array([9, 0, 3, 3, 70], np.int32))
    assert len(curve) == 101
    assert [curve[percent] for percent in (0, 24, 25, 50, 74, 75, 99, 100)] == [0, 0, 3, 3, 3, 9, 9, 70]
    assert activeness_curve(np.array([4], np.int32)) == (4,) * 101


def test_counts_of_what_is_set_aside() -> None:
    found = search_holdout_counts(np.array([0, 1, 1, 0, 1], np.int8), np.array([1, 1, 0, 0, 1], bool))
    assert (found.rows, found.positives) == (3, 2)


def test_a_test_users_click_length_is_that_of_the_first_test_row() -> None:
    user, length = np.array([1, 1, 1, 2, 3, 3], np.int32), np.array([0, 2, 5, 7, 1, 1], np.int32)
    split = np.array([Split.TRAIN, Split.TEST, Split.TEST, Split.VALIDATION, Split.TEST, Split.TEST], np.int8)
    assert first_test_lengths(user, length, split).tolist() == [2, 1]
