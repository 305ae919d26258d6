"""Groups of rows by activeness and by quantiles."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrbench.metrics.groups import ACTIVENESS, activeness_codes, click_length_bins, quantile_bins


def test_activeness_ties_go_to_the_lower_group():
    names = [ACTIVENESS[code] for code in activeness_codes(np.array([0, 4, 5, 9, 10, 70]), (4, 9))]
    assert names == ["non-active"] * 2 + ["slightly-active"] * 2 + ["highly-active"] * 2


def test_click_lengths_fall_into_bins_of_equal_shares():
    length = np.random.default_rng(0).permutation(1000)
    codes, names = click_length_bins(length)
    assert np.bincount(codes).tolist() == pytest.approx([100] * 10, abs=1)
    for code, name in enumerate(names):
        own = length[codes == code]
        assert name == f"L {own.min()} to {own.max()}"
    assert np.bincount(click_length_bins(length, bins=4)[0]).tolist() == pytest.approx([250] * 4, abs=1)


def test_ties_make_fewer_bins_and_each_is_named_by_its_lengths():
    length = np.array([0] * 35 + [1] * 30 + [2, 3] * 5 + [4] * 15 + [9] * 10, np.int32)
    codes, names = click_length_bins(length)
    for low, high, name in ((0, 0, "L 0"), (1, 1, "L 1")):
        assert set(length[codes == names.index(name)].tolist()) == {low, high}
    assert len(names) < 10
    # Bins follow each other without a gap or an overlap, and every row is in the one that names its length.
    ends = [[int(end) for end in name.removeprefix("L ").split(" to ")] for name in names]
    assert (ends[0][0], ends[-1][-1]) == (0, 9)
    assert all(after[0] == before[-1] + 1 for before, after in pairwise(ends))
    for code, own in zip(codes, length, strict=True):
        assert ends[code][0] <= own <= ends[code][-1]
    assert (np.bincount(codes) > 0).all()


@pytest.mark.parametrize(("length", "name"), [([7], "L 7"), ([3, 3, 3], "L 3")])
def test_one_length_is_one_bin(length, name):
    codes, names = click_length_bins(np.array(length))
    assert (codes.tolist(), names) == ([0] * len(length), [name])


@settings(database=None, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-9, 9).map(float), st.floats(-4, 4)), max_size=60), st.integers(1, 7))
def test_quantile_bins_are_ordered_and_hold_every_known_value(values, bins):
    values = np.array([np.nan if value is None else value for value in values])
    codes, names = quantile_bins(values, bins, "x")
    assert ((codes == -1) == np.isnan(values)).all()
    assert len(set(names)) == len(names) <= bins
    assert (np.unique(codes[codes >= 0]) == np.arange(len(names))).all()  # no bin is empty
    for lower, upper in pairwise(range(len(names))):
        assert values[codes == lower].max() < values[codes == upper].min()


def test_quantile_bins_have_equal_shares():
    values = np.random.default_rng(2).normal(size=1000)
    codes, names = quantile_bins(values, 4, "score")
    assert np.bincount(codes).tolist() == pytest.approx([250] * 4, abs=1)
    assert len(names) == 4


def test_numbers_are_named_by_their_ranges():
    codes, names = quantile_bins(np.array([0.5, 0.25, 0.125, 3.5, np.nan]), 2, "score")
    assert (codes.tolist(), names) == ([0, 0, 0, 1, -1], ["score 0.125 to 0.5", "score over 0.5 to 3.5"])
    codes, names = quantile_bins(np.array([0.5, 0.5, 0.5, 2.75], np.float32), 2, "score")
    assert (codes.tolist(), names) == ([0, 0, 0, 1], ["score 0.5", "score over 0.5 to 2.75"])


def test_whole_numbers_are_named_without_a_decimal_point_or_a_gap():
    """Also where a missing value made them floating-point numbers."""
    for values in (np.array([18.0, np.nan, 40, 20, 31]), np.array([18, 31, 40, 20])):
        codes, names = quantile_bins(values, 2, "age")
        assert names == ["age 18 to 31", "age 32 to 40"]
        assert (codes[values == 31].tolist(), codes[values == 40].tolist()) == ([0], [1])


def test_ends_that_six_digits_do_not_tell_apart_have_more():
    _, names = quantile_bins(np.array([0.25, 0.250000001, 0.250000002, 0.5]), 3, "x")
    assert names == ["x 0.25 to 0.250000001", "x over 0.250000001 to 0.250000002", "x over 0.250000002 to 0.5"]


def test_values_that_are_all_missing_have_no_bins():
    codes, names = quantile_bins(np.full(3, np.nan), 4, "x")
    assert (codes.tolist(), names) == ([-1] * 3, [])


def test_more_than_127_bins_have_distinct_codes():
    codes, names = quantile_bins(np.arange(1000), 300, "x")
    assert (len(names), codes.min(), codes.max()) == (300, 0, 299)


@pytest.mark.parametrize(
    ("values", "bins", "message"),
    [([1, 2], 0, "0 bins of 'x'"), (["a", "b"], 2, "'x' has values of type <U1"), ([True, False], 2, "type bool")],
)
def test_what_has_no_quantiles_is_refused(values, bins, message):
    with pytest.raises(ValueError, match=message):
        quantile_bins(np.array(values), bins, "x")
