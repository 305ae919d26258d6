"""NE at a shared base rate: against Bayes' rule row by row, and what makes groups comparable."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrbench.metrics.ne import NormalizedEntropy
from ctrbench.metrics.ne_shared import SharedNormalizedEntropy
from ctrbench.metrics.sample import Sample
from tests.metrics import by_hand

rows = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0.001, 0.999), st.integers(-1, 2)),
    min_size=1,
    max_size=40,
)


@settings(database=None, deadline=None)
@given(rows)
def test_value_equals_definition_in_every_group(rows):
    label, probability, codes = (np.array(column) for column in zip(*rows, strict=True))
    found = SharedNormalizedEntropy.by_group(Sample(label, probability), codes, 3)
    for group in range(3):
        own = codes == group
        expected = by_hand.ne_shared(label[own], probability[own], label.mean()) if own.any() else None
        assert found[group] == (None if expected is None else pytest.approx(expected, rel=1e-10))


def test_all_rows_have_their_ne():
    random = np.random.default_rng(0)
    label, probability = random.random(500) < 0.3, random.random(500)
    sample = Sample(label, probability)
    assert SharedNormalizedEntropy.overall(sample) == pytest.approx(NormalizedEntropy.overall(sample), rel=1e-12)


def test_predicting_the_groups_base_rate_is_one_in_every_group():
    codes = np.repeat([0, 1, 2], [40, 200, 60])
    label = np.concatenate([np.arange(40) < 20, np.arange(200) < 2, np.arange(60) < 50])
    probability = np.array([20 / 40, 2 / 200, 50 / 60])[codes]
    found = SharedNormalizedEntropy.by_group(Sample(label, probability), codes, 3)
    assert found == pytest.approx([1, 1, 1], abs=1e-12)


def test_groups_that_differ_in_their_base_rate_alone_have_one_value():
    """One signal, equally informative in both groups, and predictions that are true probabilities."""
    positives, negatives = np.array([[1, 3, 6], [10, 30, 60]]), np.array([[50, 30, 20], [50, 30, 20]])
    cells = [(group, signal) for group in range(2) for signal in range(3)]
    counts = [(positives[cell], negatives[cell]) for cell in cells]
    codes = np.concatenate([np.full(p + n, cell[0]) for cell, (p, n) in zip(cells, counts, strict=True)])
    label = np.concatenate([np.arange(p + n) < p for p, n in counts])
    probability = np.concatenate([np.full(p + n, p / (p + n)) for p, n in counts])
    sample = Sample(label, probability)
    few, many = SharedNormalizedEntropy.by_group(sample, codes, 2)
    assert few == pytest.approx(many, rel=1e-12)
    few, many = NormalizedEntropy.by_group(sample, codes, 2)
    assert few > many + 0.04


def test_a_group_of_one_class_or_without_rows_has_no_value():
    sample = Sample(np.array([1, 1, 0, 1, 0]), np.array([0.5, 0.6, 0.2, 0.7, 0.1]))
    found = SharedNormalizedEntropy.by_group(sample, np.array([0, 0, 1, 2, 2]), 4)
    assert [value is None for value in found] == [True, True, False, True]


@pytest.mark.parametrize("label", [[0, 0], [1, 1], []])
def test_rows_of_one_class_have_no_value(label):
    sample = Sample(np.array(label), np.array([0.5, 0.4][: len(label)]))
    assert SharedNormalizedEntropy.overall(sample) is None


def test_clipped_predictions_stay_finite():
    sample = Sample(np.array([1, 0, 1, 0, 0, 1]), np.array([0.0, 1.0, 1.0, 0.0, 0.5, 0.5]))
    found = SharedNormalizedEntropy.by_group(sample, np.array([0, 0, 1, 1, 1, 1]), 2)
    assert all(SharedNormalizedEntropy.sound(value) for value in found)
    assert found[0] > 20 > found[1]
