"""Ids of values and of buckets, learnt from training rows."""

import numpy as np

from ctrbench.prepare.encoders import MISSING, Buckets, Vocabulary


def test_a_value_needs_enough_training_rows():
    vocabulary = Vocabulary.of(np.array([9, 5, 9, 5, 7, MISSING, MISSING]), minimum_rows=2)
    assert vocabulary.size == 3
    assert vocabulary.ids(np.array([5, 9, 7, 6, 100, MISSING])).tolist() == [1, 2, 0, 0, 0, 0]
    assert vocabulary.ids(np.array([5])).dtype == np.int32


def test_a_column_without_values_has_the_unknown_id_alone():
    vocabulary = Vocabulary.of(np.full(3, MISSING))
    assert (vocabulary.size, vocabulary.ids(np.array([MISSING, 4])).tolist()) == (1, [0, 0])


def test_buckets_have_equal_shares_and_equal_edges_are_one():
    buckets = Buckets.of(np.arange(1, 9, dtype=np.float32), 4)
    assert buckets.ids(np.array([0, 2, 2.5, 8, 99, np.nan], np.float32)).tolist() == [1, 1, 2, 4, 4, 0]
    mostly_zero = Buckets.of(np.array([0, 0, 0, 0, 0, 1, 2, 3], np.float32), 4)
    assert mostly_zero.size == 4  # unknown, to 0, to 1, above
    assert mostly_zero.ids(np.array([0, 1, 2, 3], np.float32)).tolist() == [1, 2, 3, 3]


def test_a_missing_number_moves_no_edge():
    known = np.array([1, 2, 3, 4], np.float32)
    assert np.array_equal(Buckets.of(known, 2).edges, Buckets.of(np.append(known, np.float32(np.nan)), 2).edges)
