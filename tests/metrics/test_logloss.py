"""Logloss and clipping by hand and against scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import log_loss

from ctrbench.metrics.logloss import Logloss, logloss
from ctrbench.metrics.row_loss import row_loss
from ctrbench.metrics.sample import Sample


def test_logloss_equals_scikit_learn():
    random = np.random.default_rng(0)
    label, probability = random.integers(0, 2, 1000), random.random(1000)
    assert logloss(label, probability) == pytest.approx(log_loss(label, probability), abs=1e-12)
    assert Logloss.overall(Sample(label, probability)) == logloss(label, probability)


def test_clipped_rows_are_counted_and_stay_finite():
    label, probability = np.array([0, 1, 1, 0]), np.array([1.0, 0.0, 1e-12, 1e-13])
    loss, clipped = row_loss(label, probability)
    assert clipped.tolist() == [True, True, False, True]
    # 1 - (1 - 1e-12) is 1e-12 only to the precision of float64 near 1.
    assert loss == pytest.approx([12 * math.log(10), 12 * math.log(10), 12 * math.log(10), 1e-12], rel=1e-5)
    sample = Sample(label, probability)
    assert sample.clipped == 3
    assert sample.loss.tolist() == loss.tolist()


def test_the_worst_predictions_have_a_sound_logloss():
    label = np.array([0, 1] * 500)
    worst = Logloss.overall(Sample(label, 1.0 - label))
    assert Logloss.sound(worst)
    assert not Logloss.sound(1.001 * worst)


@pytest.mark.parametrize("bad", [np.nan, 1.0001, -0.1])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match=r"1 of 2 probabilities lie outside \[0, 1\]"):
        row_loss(np.array([0, 1]), np.array([0.5, bad]))


def test_no_rows_have_no_logloss():
    assert logloss(np.array([]), np.array([])) is None
    assert Logloss.overall(Sample(np.array([]), np.array([]))) is None
