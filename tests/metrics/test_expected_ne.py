"""Expected NE by hand, and as the expectation of NE's logloss over labels drawn from the true probabilities."""

import math

import numpy as np
import pytest

from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.expected_ne import ExpectedNormalizedEntropy
from ctrbench.metrics.logloss import logloss
from ctrbench.metrics.measure import measure
from ctrbench.metrics.ne import NormalizedEntropy
from ctrbench.metrics.sample import Sample

TRUTH, PREDICTED = np.array([0.1, 0.3]), np.array([0.2, 0.5])
LABEL = np.array([0, 1])


def test_by_hand():
    lost = -(0.1 * math.log(0.2) + 0.9 * math.log(0.8) + 0.3 * math.log(0.5) + 0.7 * math.log(0.5)) / 2
    entropy = -0.2 * math.log(0.2) - 0.8 * math.log(0.8)
    found = ExpectedNormalizedEntropy.overall(Sample(LABEL, PREDICTED, truth=TRUTH))
    assert found == pytest.approx(lost / entropy, abs=1e-15)


def test_it_is_the_expectation_of_the_logloss_over_labels():
    random = np.random.default_rng(3)
    truth, predicted = random.random(300), random.random(300)
    drawn = [logloss(random.random(300) < truth, predicted) for _ in range(4000)]
    rate = truth.mean()
    entropy = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    found = ExpectedNormalizedEntropy.overall(Sample(np.zeros(300), predicted, truth=truth))
    assert found == pytest.approx(np.mean(drawn) / entropy, abs=4 * np.std(drawn) / entropy / math.sqrt(4000))


def test_with_labels_for_probabilities_it_is_ne():
    random = np.random.default_rng(4)
    label, predicted, codes = random.random(200) < 0.3, random.random(200), random.integers(-1, 3, 200)
    sample = Sample(label, predicted, truth=label.astype(float))
    expected = NormalizedEntropy.by_group(sample, codes, 3)
    assert ExpectedNormalizedEntropy.by_group(sample, codes, 3) == pytest.approx(expected, abs=1e-12)
    blocks = Blocks(random.integers(0, 5, 200), 5)
    left, same = (
        metric.without_each_block(sample, codes, 3, blocks) for metric in (ExpectedNormalizedEntropy, NormalizedEntropy)
    )
    assert np.allclose(left, same, atol=1e-12, rtol=0)


def test_the_truth_has_the_least_value():
    best = ExpectedNormalizedEntropy.overall(Sample(LABEL, TRUTH, truth=TRUTH))
    for change in (-0.05, 0.05):
        assert ExpectedNormalizedEntropy.overall(Sample(LABEL, TRUTH + change, truth=TRUTH)) > best


def test_groups_without_rows_or_without_chance_have_none():
    sample = Sample(np.array([0, 0, 1]), np.array([0.2, 0.4, 0.4]), truth=np.array([0.0, 0.0, 0.5]))
    values = ExpectedNormalizedEntropy.by_group(sample, np.array([0, 0, 1]), 3)
    mean = -(math.log(0.4) + math.log(0.6)) / 2
    assert values == [None, pytest.approx(mean / math.log(2)), None]


def test_without_true_probabilities_it_is_measured_only_where_it_is_named():
    sample = Sample(LABEL, PREDICTED)
    assert "expected_ne" not in measure(sample, {}).values
    assert measure(sample, {}, ["expected_ne"]).values == {"expected_ne": {"overall": [None]}}
    assert measure(Sample(LABEL, PREDICTED, truth=TRUTH), {}).values["expected_ne"]["overall"][0] is not None


@pytest.mark.parametrize("truth", [[0.5, 1.5], [math.nan, 0.5]])
def test_true_probabilities_are_probabilities(truth):
    with pytest.raises(ValueError, match="true probability"):
        Sample(LABEL, PREDICTED, truth=np.array(truth))
