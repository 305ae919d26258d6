"""All figures of all groups, checked group by group."""

from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ctrbench.metrics.groups import ACTIVENESS, GroupFigures, activeness_codes, click_length_bins, measure


@pytest.fixture
def rows():
    random = np.random.default_rng(3)
    label = random.integers(0, 2, 600)
    probability = np.round(np.clip(random.random(600) * 0.8 + 0.1 * label, 0, 1), 2)
    return label, probability, random.integers(-1, 3, 600).astype(np.int16)


def test_every_group_equals_its_rows_measured_alone(rows):
    label, probability, codes = rows
    overall, *groups = measure(label, probability, {"age": (codes, ["young", "middle", "old"])})
    assert (overall.column, overall.group, overall.rows) == ("overall", "overall", 600)
    assert overall.auc == pytest.approx(roc_auc_score(label, probability), abs=1e-12)
    for code, (name, figures) in enumerate(zip(["young", "middle", "old"], groups, strict=True)):
        y, p = label[codes == code], probability[codes == code]
        rate = y.mean()
        assert (figures.column, figures.group) == ("age", name)
        assert (figures.rows, figures.positives) == (len(y), y.sum())
        assert figures.auc == pytest.approx(roc_auc_score(y, p), abs=1e-12)
        assert figures.logloss == pytest.approx(log_loss(y, p), abs=1e-10)
        assert figures.ne == pytest.approx(log_loss(y, p) / log_loss(y, np.full(len(y), rate)), abs=1e-10)
        assert figures.calibration == pytest.approx(p.mean() / rate, abs=1e-12)


def test_rows_outside_every_group_count_overall_only(rows):
    label, probability, codes = rows
    overall, *groups = measure(label, probability, {"age": (codes, ["young", "middle", "old"])})
    outside = int((codes == -1).sum())
    assert outside > 0
    assert sum(group.rows for group in groups) == overall.rows - outside


def test_group_of_one_class_and_group_without_rows():
    label, probability = np.array([1, 1, 0]), np.array([0.5, 1.0, 0.0])
    codes = np.array([0, 0, 2], dtype=np.int8)
    _, clicks, nobody, skips = measure(label, probability, {"c": (codes, ["clicks", "nobody", "skips"])})
    assert (clicks.auc, clicks.ne, clicks.calibration, clicks.clipped) == (None, None, 0.75, 1)
    assert clicks.logloss == pytest.approx(np.log(2) / 2)
    assert nobody == GroupFigures("c", "nobody", 0, 0, None, None, None, None, 0)
    assert (skips.auc, skips.ne, skips.calibration, skips.clipped) == (None, None, None, 1)


def test_scores_that_are_no_probabilities_have_an_auc_only():
    overall, group = measure(
        np.array([0, 1, 1]), np.array([3, 900, 2]), {"c": (np.zeros(3, int), ["all"])}, probabilities=False
    )
    assert overall == GroupFigures("overall", "overall", 3, 2, 0.5, None, None, None, 0)
    assert group == GroupFigures("c", "all", 3, 2, 0.5, None, None, None, 0)


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


@pytest.mark.parametrize(
    ("codes", "message"), [([0, 1], "2 codes for 3 rows"), ([0, 1, 2], "do not fit"), ([-2, 0, 0], "do not fit")]
)
def test_codes_that_do_not_fit_are_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        measure(np.array([0, 1, 1]), np.full(3, 0.5), {"age": (np.array(codes), ["young", "old"])})
