"""AUC against scikit-learn and against the definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ctrbench.metrics.auc import AUC, auc, grouped_auc
from ctrbench.metrics.ranking import Ranking
from ctrbench.metrics.relaimpr import relaimpr
from ctrbench.metrics.sample import Sample
from tests.metrics import by_hand

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3), st.integers(-1, 2)), min_size=1, max_size=40)


@settings(database=None, deadline=None)  # nothing written; no clock on a shared machine
@given(rows)
def test_auc_equals_definition_in_every_group(rows):
    label, score, codes = (np.array(column) for column in zip(*rows, strict=True))
    score = score / 3  # seven values: many ties
    found = AUC.by_group(Sample(label, score, probabilities=False), codes, 3)
    for group in range(3):
        expected = by_hand.auc(label[codes == group], score[codes == group])
        assert found[group] == (None if expected is None else pytest.approx(expected, abs=1e-12))
    whole = by_hand.auc(label, score)
    assert auc(label, score) == (None if whole is None else pytest.approx(whole, abs=1e-12))
    assert AUC.overall(Sample(label, score, probabilities=False)) == auc(label, score)


@pytest.mark.parametrize("decimals", [1, 3, 17])
def test_auc_equals_scikit_learn(decimals):
    random = np.random.default_rng(decimals)
    label = random.integers(0, 2, 5000)
    score = np.round(random.random(5000) + 0.2 * label, decimals)
    assert auc(label, score) == pytest.approx(roc_auc_score(label, score), abs=1e-12)


@pytest.mark.parametrize("groups", [300, 40_000])
def test_many_groups_need_wide_codes(groups):
    random = np.random.default_rng(1)
    label, score = random.integers(0, 2, 4000), random.random(4000)
    codes = random.choice([0, 1, groups // 2, groups - 1], 4000)
    found = grouped_auc(label, Ranking.of(score), codes, groups)
    assert [place for place, value in enumerate(found) if value is not None] == [0, 1, groups // 2, groups - 1]
    for group in (0, 1, groups // 2, groups - 1):
        expected = roc_auc_score(label[codes == group], score[codes == group])
        assert found[group] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("label", [[1, 1], [0, 0], []])
def test_one_class_has_no_auc(label):
    assert auc(np.array(label), np.array([0.1, 0.9][: len(label)])) is None


def test_constant_score_is_chance():
    assert auc(np.array([0, 1, 1]), np.full(3, 0.3)) == 0.5


def test_nan_score_is_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        auc(np.array([0, 1]), np.array([0.5, np.nan]))


def test_relative_values_are_relaimpr():
    relative = AUC.relative
    assert (relative.name, relative.label, relative.unit) == ("relaimpr", "RelaImpr", "percent")
    found = relative.by_seed(np.array([0.7, 0.72]), np.array([0.68, 0.71]))
    assert found.mean() == pytest.approx(relaimpr(0.71, 0.695))
