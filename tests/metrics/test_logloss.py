"""Logloss, clipping, NE and calibration by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss

from ctrbench.metrics.logloss import logloss
from ctrbench.metrics.ne import base_rate_entropy, normalized_entropy
from ctrbench.metrics.row_loss import row_loss


def test_logloss_equals_scikit_learn():
    random = np.random.default_rng(0)
    label, probability = random.integers(0, 2, 1000), random.random(1000)
    assert logloss(label, probability) == pytest.approx(log_loss(label, probability), abs=1e-12)


def test_clipped_rows_are_counted_and_stay_finite():
    loss, clipped = row_loss(np.array([0, 1, 1, 0]), np.array([1.0, 0.0, 1e-12, 1e-13]))
    assert clipped.tolist() == [True, True, False, True]
    # 1 - (1 - 1e-12) is 1e-12 only to the precision of float64 near 1.
    assert loss == pytest.approx([12 * math.log(10), 12 * math.log(10), 12 * math.log(10), 1e-12], rel=1e-5)


@pytest.mark.parametrize("bad", [np.nan, 1.0001, -0.1])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match=r"1 of 2 probabilities lie outside \[0, 1\]"):
        row_loss(np.array([0, 1]), np.array([0.5, bad]))


def test_no_rows_have_no_logloss():
    assert logloss(np.array([]), np.array([])) is None


def test_normalized_entropy_by_hand():
    # One click in four rows, predicted 0.5 each: ln 2 over the entropy of 1/4.
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert base_rate_entropy(1, 4) == pytest.approx(0.5623351446188083, abs=1e-15)
    assert normalized_entropy(math.log(2), 1, 4) == pytest.approx(math.log(2) / entropy, abs=1e-15)


def test_predicting_the_base_rate_has_normalized_entropy_one():
    label = np.array([1, 0, 0, 0, 0, 1, 0])
    assert normalized_entropy(logloss(label, np.full(7, 2 / 7)), 2, 7) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("positives", [0, 5])
def test_one_class_has_no_normalized_entropy(positives):
    assert normalized_entropy(0.3, positives, 5) is None
