"""Pairs of a positive and a negative row, in expectation over labels that are drawn from known probabilities.

With q a row's probability of label 1, row i is the positive and row j the negative of a pair with the probability
q_i (1 - q_j), which is the pair's weight. A row makes no pair with itself. Ties count half.

Source: the expectation of the Mann-Whitney statistic over independent labels. Shape: n rows, G groups, K blocks.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.ranking import changes, smallest, stable_order


def expected_pairs(
    group: NDArray[np.integer], tie: NDArray[np.integer], probability: NDArray[np.float64], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected pairs of each group: those in the right order, and all.

    Args:
        group: ``(n,)`` in [0, G), ascending.
        tie: ``(n,)``: equal for rows of equal score, which follow each other in ascending order within a group.
        probability: ``(n,)`` of label 1.
        groups: G.

    Returns:
        Two arrays ``(G,)``.
    """
    won, pairs = np.zeros(groups), np.zeros(groups)
    for place, own in _slices(group, groups):
        positive = probability[own]
        negative = 1 - positive
        won[place] = (positive * _negatives_below(tie[own], positive)).sum()
        pairs[place] = positive.sum() * negative.sum() - (positive * negative).sum()
    return _bounded(won, pairs, _counts(group, probability, groups))


def expected_pairs_without_each(
    group: NDArray[np.integer],
    tie: NDArray[np.integer],
    probability: NDArray[np.float64],
    groups: int,
    *,
    block: NDArray[np.integer],
    blocks: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`expected_pairs` of each group without the rows of each block in turn, in the cost of one more order.

    As in :func:`ctrbench.metrics.ranking.pairs_won_without_each`: the pairs of a block's rows with all rows, of which
    those within the block are counted twice, are taken from the whole.

    Args:
        group: as for :func:`expected_pairs`, like ``tie``, ``probability`` and ``groups``.
        block: ``(n,)`` in [0, K).
        blocks: K.

    Returns:
        Two arrays ``(G * K,)``, group by group.
    """
    pair = group.astype(np.int32) * blocks + block
    order = stable_order(smallest(pair, groups * blocks))
    won_within, pairs_within = expected_pairs(pair[order], tie[order], probability[order], groups * blocks)
    won, pairs = expected_pairs(group, tie, probability, groups)
    won_with, pairs_with = np.zeros(groups * blocks), np.zeros(groups * blocks)
    for place, own in _slices(group, groups):
        positive = probability[own]
        negative = 1 - positive
        as_positive = positive * _negatives_below(tie[own], positive)
        # Seen from above, positives are the rows below.
        as_negative = negative * _negatives_below(tie[own][::-1], negative[::-1])[::-1]
        with_all = positive * (negative.sum() - negative) + negative * (positive.sum() - positive)
        of_group = slice(place * blocks, (place + 1) * blocks)
        won_with[of_group] = np.bincount(block[own], as_positive + as_negative, blocks)
        pairs_with[of_group] = np.bincount(block[own], with_all, blocks)
    counts = _counts(group, probability, groups).repeat(blocks, axis=1) - _counts(pair, probability, groups * blocks)
    return _bounded(
        won.repeat(blocks) - won_with + won_within, pairs.repeat(blocks) - pairs_with + pairs_within, counts
    )


def _counts(group: NDArray[np.integer], probability: NDArray[np.float64], groups: int) -> NDArray[np.int64]:
    """(3, G): rows, rows that can be positive, rows that can be negative."""
    chosen = (group, group[probability > 0], group[probability < 1])
    return np.stack([np.bincount(each, minlength=groups) for each in chosen])


def _bounded(
    won: NDArray[np.float64], pairs: NDArray[np.float64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The sums without the traces of rounding: none where the rows make no pair, and no more won than there are."""
    rows, positive, negative = counts
    pairs = np.where((rows > 1) & (positive > 0) & (negative > 0), pairs, 0.0)
    return np.clip(won, 0.0, pairs), pairs


def _slices(group: NDArray[np.integer], groups: int) -> Iterator[tuple[int, slice]]:
    """The groups that have rows, and where these are."""
    start = np.searchsorted(group, np.arange(groups + 1))
    return (
        (place, slice(start[place], start[place + 1])) for place in range(groups) if start[place] < start[place + 1]
    )


def _negatives_below(tie: NDArray[np.integer], positive: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(n,)``: weight of the other rows' negatives below each row, ties half; all rows are of one group."""
    negative = 1 - positive
    edges = np.append(np.flatnonzero(changes(tie)), len(tie))  # of runs of equal score
    below = np.append(0.0, np.cumsum(negative))[edges]
    return ((below[:-1] + below[1:]) / 2).repeat(np.diff(edges)) - negative / 2
