"""All metrics of all groups, checked group by group."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ctrbench.metrics.groups import GroupMetrics, measure


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
    assert nobody == GroupMetrics("c", "nobody", 0, 0, None, None, None, None, 0)
    assert (skips.auc, skips.ne, skips.calibration, skips.clipped) == (None, None, None, 1)


def test_scores_that_are_no_probabilities_have_an_auc_only():
    overall, group = measure(
        np.array([0, 1, 1]), np.array([3, 900, 2]), {"c": (np.zeros(3, int), ["all"])}, probabilities=False
    )
    assert overall == GroupMetrics("overall", "overall", 3, 2, 0.5, None, None, None, 0)
    assert group == GroupMetrics("c", "all", 3, 2, 0.5, None, None, None, 0)


@pytest.mark.parametrize(
    ("codes", "message"), [([0, 1], "2 codes for 3 rows"), ([0, 1, 2], "do not fit"), ([-2, 0, 0], "do not fit")]
)
def test_codes_that_do_not_fit_are_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        measure(np.array([0, 1, 1]), np.full(3, 0.5), {"age": (np.array(codes), ["young", "old"])})
