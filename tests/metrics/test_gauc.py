"""gAUC against the definition, user by user."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrbench.metrics.auc import AUC
from ctrbench.metrics.gauc import GroupAUC
from ctrbench.metrics.sample import Sample
from tests.metrics import by_hand

USERS = (-4, 0, 7, 1 << 33)
rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(-2, 2), st.sampled_from(USERS), st.integers(-1, 2)),
    min_size=1,
    max_size=50,
)


@settings(database=None, deadline=None)
@given(rows)
def test_gauc_equals_definition_in_every_group(rows):
    label, score, user, codes = (np.array(column) for column in zip(*rows, strict=True))
    score = score / 2  # five values: many ties
    sample = Sample(label, score, user, probabilities=False)
    found = GroupAUC.by_group(sample, codes, 3)
    for group in range(3):
        own = codes == group
        expected = by_hand.gauc(label[own], score[own], user[own])
        assert found[group] == (None if expected is None else pytest.approx(expected, abs=1e-12))
        assert GroupAUC.sound(found[group])
    whole = by_hand.gauc(label, score, user)
    assert GroupAUC.overall(sample) == (None if whole is None else pytest.approx(whole, abs=1e-12))


def test_users_weigh_by_their_impressions():
    user = np.array([3, 3, 8, 8, 8, 8, 5, 5, 5])
    label = np.array([1, 0, 1, 0, 0, 0, 1, 1, 1])  # user 5 has one class
    score = np.array([0.9, 0.1, 0.5, 0.1, 0.2, 0.9, 0.1, 0.2, 0.3])
    found = GroupAUC.overall(Sample(label, score, user))
    assert found == pytest.approx((2 * 1 + 4 * 2 / 3) / 6)


def test_scores_are_compared_within_users_only():
    user, label = np.repeat([0, 1], 4), np.array([0, 0, 1, 1, 0, 0, 1, 1])
    score = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    sample = Sample(label, score, user)
    assert GroupAUC.overall(sample) == 1.0
    assert AUC.overall(sample) == 0.75


def test_many_users_and_groups():
    random = np.random.default_rng(5)
    label, score = random.integers(0, 2, 3000), random.random(3000)
    user, codes = random.integers(0, 80_000, 3000) // 100 * 100, random.integers(0, 40, 3000) * 1000
    found = GroupAUC.by_group(Sample(label, score, user), codes, 40_000)
    for group in (0, 17_000, 39_000):
        own = codes == group
        assert found[group] == pytest.approx(by_hand.gauc(label[own], score[own], user[own]), abs=1e-12)
    assert found[1] is None


def test_without_users_there_is_no_gauc():
    sample = Sample(np.array([0, 1]), np.array([0.1, 0.9]))
    assert GroupAUC.by_group(sample, np.array([0, 0]), 2) == [None, None]


def test_users_with_one_class_each_have_no_gauc():
    assert GroupAUC.overall(Sample(np.array([0, 1]), np.array([0.1, 0.9]), np.array([1, 2]))) is None
    assert GroupAUC.overall(Sample(np.array([]), np.array([]), np.array([], int))) is None
