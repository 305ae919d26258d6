"""NE by hand."""

import math

import numpy as np
import pytest

from ctrbench.metrics.logloss import logloss
from ctrbench.metrics.ne import NormalizedEntropy, base_rate_entropy, normalized_entropy
from ctrbench.metrics.sample import Sample


def test_normalized_entropy_by_hand():
    # One click in four rows, predicted 0.5 each: ln 2 over the entropy of 1/4.
    entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert base_rate_entropy(1, 4) == pytest.approx(0.5623351446188083, abs=1e-15)
    assert normalized_entropy(math.log(2), 1, 4) == pytest.approx(math.log(2) / entropy, abs=1e-15)
    found = NormalizedEntropy.overall(Sample(np.array([0, 0, 1, 0]), np.full(4, 0.5)))
    assert found == pytest.approx(math.log(2) / entropy, abs=1e-15)


def test_predicting_the_base_rate_has_normalized_entropy_one():
    label = np.array([1, 0, 0, 0, 0, 1, 0])
    assert normalized_entropy(logloss(label, np.full(7, 2 / 7)), 2, 7) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("positives", [0, 5])
def test_one_class_has_no_normalized_entropy(positives):
    assert normalized_entropy(0.3, positives, 5) is None
    assert NormalizedEntropy.overall(Sample(np.arange(5) < positives, np.full(5, 0.3))) is None
