"""What a sample refuses, and what it computes once."""

import numpy as np
import pytest

from ctrbench.metrics.sample import Sample

LABEL, SCORE = np.array([0, 1, 1]), np.array([0.25, 0.5, 1.0], np.float32)


def test_arrays_become_booleans_and_float64():
    sample = Sample(LABEL.astype(np.float32), SCORE)
    assert (sample.label.dtype, sample.score.dtype) == (np.bool_, np.float64)
    assert sample.label.tolist() == [False, True, True]
    assert sample.base_rate == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("label", "score", "user", "message"),
    [
        (LABEL, SCORE[:2], None, "2 scores for 3 labels"),
        (LABEL, SCORE, np.array([1]), "1 user codes for 3 labels"),
        (np.array([0, 2, 1]), SCORE, None, "a label is 2, not 0 or 1"),
        (np.array([0, np.nan, 1]), SCORE, None, "a label is nan, not 0 or 1"),
        (LABEL, np.array([0.5, np.nan, np.nan]), None, "2 of 3 scores are NaN"),
    ],
)
@pytest.mark.parametrize("probabilities", [True, False])
def test_what_cannot_be_measured_is_refused(label, score, user, message, probabilities):
    with pytest.raises(ValueError, match=message):
        Sample(label, score, user, probabilities)


def test_losses_need_probabilities():
    sample = Sample(LABEL, SCORE * 9, probabilities=False)
    assert sample.clipped == 0
    with pytest.raises(ValueError, match="not probabilities"):
        _ = sample.loss
    with pytest.raises(ValueError, match="1 of 3 probabilities lie outside"):
        _ = Sample(LABEL, SCORE * 1.5).loss


def test_users_are_needed_for_their_ranking():
    with pytest.raises(ValueError, match="no user codes"):
        _ = Sample(LABEL, SCORE).user_ranking


def test_sort_and_losses_are_computed_once():
    sample = Sample(LABEL, SCORE, np.array([1, 0, 1]))
    assert sample.ranking is sample.ranking
    assert sample.user_ranking is sample.user_ranking
    assert sample.loss is sample.loss


def test_totals_are_shared_only_for_codes_that_cannot_change():
    sample, codes = Sample(LABEL, SCORE), np.array([0, -1, 1])
    before = sample.totals(codes, 2)
    assert (before.rows.tolist(), before.positives.tolist()) == ([1, 1], [0, 1])
    assert before.predicted.tolist() == [0.25, 1.0]
    codes[:] = [0, 0, 0]
    assert sample.totals(codes, 2).rows.tolist() == [3, 0]
    codes.setflags(write=False)
    assert sample.totals(codes, 2) is sample.totals(codes, 2)
    assert len(sample.totals(codes, 3).rows) == 3
