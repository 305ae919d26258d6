"""Calibration by hand."""

import numpy as np
import pytest

from ctrbench.metrics.calibration import Calibration
from ctrbench.metrics.sample import Sample


def test_calibration_is_predicted_over_true_positives():
    sample = Sample(np.array([1, 0, 1, 0]), np.array([0.75, 0.25, 0.5, 0.5]))
    found = Calibration.by_group(sample, np.array([0, 0, 1, 2]), 4)
    assert found == [1.0, 0.5, None, None]
    assert Calibration.overall(sample) == 1.0


def test_calibration_near_one_is_better_on_either_side():
    goodness = [Calibration.goodness(value) for value in (1.0, 1.1, 0.8, 1.3, None)]
    assert goodness == sorted(goodness, reverse=True)
    assert Calibration.goodness(0.9) == pytest.approx(Calibration.goodness(1.1))
