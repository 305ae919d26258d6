"""AUC against scikit-learn and against the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ctrbench.metrics.auc import auc, grouped_auc
from ctrbench.metrics.ranking import Ranking


def by_definition(label, score):
    """Share of (positive, negative) pairs in the right order, ties half: O(n^2)."""
    wins, pairs = 0.0, 0
    for p in score[label == 1]:
        for n in score[label == 0]:
            wins += 1.0 if p > n else 0.5 if p == n else 0.0
            pairs += 1
    return wins / pairs if pairs else None


rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(-1, 2)), min_size=1, max_size=40)


@settings(database=None, deadline=None)  # nothing written; no clock on a shared machine
@given(rows)
def test_auc_equals_definition_in_every_group(rows):
    label, score, codes = (np.array(column) for column in zip(*rows, strict=True))
    score = score / 3  # seven values: many ties
    found = grouped_auc(label, Ranking.of(score), codes, 3)
    for group in range(3):
        expected = by_definition(label[codes == group], score[codes == group])
        assert found[group] == (None if expected is None else pytest.approx(expected, abs=1e-12))
    whole = by_definition(label, score)
    assert auc(label, score) == (None if whole is None else pytest.approx(whole, abs=1e-12))


@pytest.mark.parametrize("decimals", [1, 3, 17])
def test_auc_equals_scikit_learn(decimals):
    random = np.random.default_rng(decimals)
    label = random.integers(0, 2, 5000)
    score = np.round(random.random(5000) + 0.2 * label, decimals)
    assert auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)


def test_many_groups_need_wide_codes():
    random = np.random.default_rng(1)
    label, score, codes = random.integers(0, 2, 4000), random.random(4000), random.integers(0, 300, 4000)
    found = grouped_auc(label, Ranking.of(score), codes, 300)
    assert found[299] == pytest.approx(by_definition(label[codes == 299], score[codes == 299]))


@pytest.mark.parametrize("label", [[1, 1], [0, 0], []])
def test_one_class_has_no_auc(label):
    assert auc(np.array(label), np.array([0.1, 0.9][: len(label)])) is None


def test_constant_score_is_chance():
    assert auc(np.array([0, 1, 1]), np.full(3, 0.3)) == 0.5


def test_nan_score_is_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        auc(np.array([0, 1]), np.array([0.5, np.nan]))
