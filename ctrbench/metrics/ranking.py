"""Rows in order of their scores, and the pairs of a positive and a negative row that the order gets right.

Source: the Mann-Whitney statistic; AUC = P(score of a positive > score of a negative) + P(equal) / 2.

Shape: n rows, G groups.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Ranking:
    """Rows in ascending order of score: sorted once, shared by every group of every column."""

    order: NDArray[np.intp]
    """``(n,)``: row indices, ascending by score."""
    tie: NDArray[np.int32]
    """``(n,)``: number of the run of equal scores, in that order."""

    @classmethod
    def of(cls, score: NDArray[np.floating]) -> "Ranking":
        """Sorts ``score`` ``(n,)``.

        Raises:
            ValueError: a score is NaN, so that no order exists.
        """
        score = np.asarray(score)
        refuse_nan(score)
        order = np.argsort(score)
        ordered = score[order]
        tie = np.zeros(len(score), dtype=np.int32)
        np.cumsum(ordered[1:] != ordered[:-1], out=tie[1:])
        return cls(order, tie)

    def within(self, codes: NDArray[np.integer]) -> "Ranking":
        """The rows in ascending order of ``codes`` ``(n,)``, those of equal code in ascending order of score."""
        moved = stable_order(codes[self.order])
        return Ranking(self.order[moved], self.tie[moved])

    def by_group(self, codes: NDArray[np.integer], groups: int) -> tuple["Ranking", NDArray[np.integer]]:
        """The rows that are in a group, group by group, each group's in ascending order of score; and their groups.

        Args:
            codes: ``(n,)`` in [-1, G); -1 is outside every group.
            groups: G.
        """
        group = smallest(codes, groups)[self.order]
        moved = stable_order(group)[np.count_nonzero(group == -1) :]
        return Ranking(self.order[moved], self.tie[moved]), group[moved]


def refuse_nan(score: NDArray[np.generic]) -> None:
    """Raises ValueError where a score ``(n,)`` is NaN."""
    missing = np.isnan(score)
    if missing.any():
        raise ValueError(f"{int(missing.sum())} of {len(score)} scores are NaN")


def smallest(codes: NDArray[np.integer], groups: int) -> NDArray[np.integer]:
    """Codes in [-1, groups) in the smallest signed type that holds them."""
    return np.asarray(codes).astype(np.min_scalar_type(-max(groups, 1)))


def stable_order(codes: NDArray[np.integer]) -> NDArray[np.intp]:
    """``(n,)``: row indices, ascending by code, equal codes in the order given.

    A stable sort of integers of up to 16 bits is a radix sort in numpy and costs O(n); wider codes are sorted by
    their lower and then by their upper 16 bits.
    """
    if codes.dtype.itemsize <= 2:
        return np.argsort(codes, kind="stable")
    if not len(codes):
        return np.zeros(0, np.intp)
    lowest = int(codes.min())
    if int(codes.max()) - lowest >= 1 << 32:
        return np.argsort(codes, kind="stable")
    offset = codes - codes.dtype.type(lowest)
    order = np.argsort((offset & 0xFFFF).astype(np.uint16), kind="stable")
    upper = (offset >> 16).astype(np.uint16)
    return order[np.argsort(upper[order], kind="stable")] if upper.any() else order


def pairs_won(
    group: NDArray[np.integer], tie: NDArray[np.integer], positive: NDArray[np.bool_], groups: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Pairs of a positive and a negative row in each group: the pairs in the right order (ties half), and all pairs.

    Counted in whole numbers, a tie as one and a win as two, so nothing is rounded.

    Args:
        group: ``(n,)`` in [0, G), ascending.
        tie: ``(n,)``: equal for rows of equal score, which follow each other in ascending order within a group.
        positive: ``(n,)``.
        groups: G.

    Returns:
        Two arrays ``(G,)``.
    """
    won, pairs = np.zeros(groups), np.zeros(groups)
    if not len(group):
        return won, pairs
    group_starts = changes(group)
    edges = np.append(np.flatnonzero(group_starts | changes(tie)), len(group))  # of runs of equal score
    negatives_before = np.zeros(len(group) + 1, np.int64)
    np.cumsum(~positive, out=negatives_before[1:])
    below = negatives_before[edges]
    run_positives = np.diff(edges) - np.diff(below)

    present = group[group_starts]
    start = np.append(np.flatnonzero(group_starts), len(group))  # of groups, in rows
    first_run = np.flatnonzero(group_starts[edges[:-1]])
    negatives = np.diff(negatives_before[start])
    positives = np.diff(start) - negatives
    # A positive wins over the negatives below its run and half of those in it; lower groups are subtracted.
    halves = np.add.reduceat(run_positives * (below[:-1] + below[1:]), first_run)
    won[present] = (halves - 2 * negatives_before[start[:-1]] * positives) / 2
    pairs[present] = positives * negatives
    return won, pairs


def pairs_won_without_each(
    group: NDArray[np.integer],
    tie: NDArray[np.integer],
    positive: NDArray[np.bool_],
    groups: int,
    *,
    block: NDArray[np.integer],
    blocks: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """:func:`pairs_won` of each group without the rows of each block in turn, in the cost of one more order.

    The pairs that a block takes part in are those of its positives with all negatives, and those of its negatives with
    all positives; pairs within the block are in both.

    Args:
        group: as for :func:`pairs_won`, like ``tie``, ``positive`` and ``groups``.
        block: ``(n,)`` in [0, K).
        blocks: K.

    Returns:
        Two arrays ``(G * K,)``, group by group.
    """
    pair = group.astype(np.int32) * blocks + block
    order = stable_order(smallest(pair, groups * blocks))
    won_within, pairs_within = pairs_won(pair[order], tie[order], positive[order], groups * blocks)
    won, pairs = pairs_won(group, tie, positive, groups)
    positives = np.bincount(pair[positive], minlength=groups * blocks)
    negatives = np.bincount(pair, minlength=groups * blocks) - positives
    of_group = (sums.reshape(groups, blocks).sum(1).repeat(blocks) for sums in (positives, negatives))
    all_positives, all_negatives = of_group
    won_with = np.bincount(pair, _halves_won(group, tie, positive, groups), groups * blocks) / 2
    pairs_with = positives * all_negatives + negatives * all_positives
    return won.repeat(blocks) - won_with + won_within, pairs.repeat(blocks) - pairs_with + pairs_within


def _halves_won(
    group: NDArray[np.integer], tie: NDArray[np.integer], positive: NDArray[np.bool_], groups: int
) -> NDArray[np.integer]:
    """``(n,)``: twice the pairs in the right order that each row takes part in; a tie counts one."""
    if not len(group):
        return np.zeros(0, np.int64)
    edges = np.append(np.flatnonzero(changes(group) | changes(tie)), len(group))  # of runs of equal score
    start = np.searchsorted(group, np.arange(groups + 1))  # of groups, in rows
    # A row takes part in at most twice as many pairs as there are rows.
    count: type[np.signedinteger] = np.int32 if len(group) < 1 << 30 else np.int64
    won = np.empty(len(group), count)
    for own, other in ((positive, ~positive), (~positive, positive)):
        before = np.zeros(len(group) + 1, count)
        np.cumsum(other, out=before[1:])
        # Twice the rows of the other class below each row's run, plus those in it.
        below = (before[edges[:-1]] + before[edges[1:]]).repeat(np.diff(edges))
        first = before[start]
        below -= 2 * first[group]
        if own is not positive:
            np.subtract(2 * np.diff(first)[group], below, out=below)
        won[own] = below[own]
    return won


def changes(values: NDArray[np.generic]) -> NDArray[np.bool_]:
    """``(n,)``: whether a value differs from the one before it; true for the first."""
    changed = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=changed[1:])
    return changed
