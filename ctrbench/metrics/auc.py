"""Area under the ROC curve, ties counting half, for all groups of a column from one sort of the scores.

Source: the Mann-Whitney statistic; AUC = P(score of a positive > score of a negative) + P(equal) / 2.

Shape: n rows, G groups.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
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
        if np.isnan(score).any():
            raise ValueError(f"{int(np.isnan(score).sum())} of {len(score)} scores are NaN")
        order = np.argsort(score)
        ordered = score[order]
        tie = np.zeros(len(score), dtype=np.int32)
        np.cumsum(ordered[1:] != ordered[:-1], out=tie[1:])
        return cls(order, tie)


def auc(label: NDArray[np.generic], score: NDArray[np.floating]) -> float | None:
    """AUC of ``label`` ``(n,)`` in {0, 1} under ``score`` ``(n,)``; None where only one class is present.

    Raises:
        ValueError: a score is NaN.
    """
    ranking = Ranking.of(score)
    return grouped_auc(label, ranking, np.zeros(len(score), dtype=np.int16), 1)[0]


def grouped_auc(
    label: NDArray[np.generic], ranking: Ranking, codes: NDArray[np.integer], groups: int
) -> list[float | None]:
    """AUC within each group.

    Args:
        label: ``(n,)`` in {0, 1}.
        ranking: Of the scores ``(n,)``.
        codes: ``(n,)`` in [-1, G); -1 is outside every group.
        groups: G.

    Returns:
        G values; None where a group holds one class only.
    """
    group = _smallest(codes, groups)[ranking.order]
    # A stable sort of small integers is a radix sort: it keeps the order of scores and costs O(n).
    by_group = np.argsort(group, kind="stable")[np.count_nonzero(group == -1) :]
    if not len(by_group):
        return [None] * groups
    group, tie = group[by_group], ranking.tie[by_group]
    positive = np.asarray(label, dtype=bool)[ranking.order[by_group]]

    first = np.flatnonzero(np.r_[True, (group[1:] != group[:-1]) | (tie[1:] != tie[:-1])])
    run_group = group[first]
    run_positives = np.add.reduceat(positive, first, dtype=np.int64)
    run_negatives = np.diff(np.r_[first, len(group)]) - run_positives
    positives = np.bincount(run_group, run_positives, groups)
    negatives = np.bincount(run_group, run_negatives, groups)
    negatives_of_lower_groups = np.r_[0, np.cumsum(negatives)[:-1]]
    below = np.cumsum(run_negatives) - run_negatives - negatives_of_lower_groups[run_group]
    wins = np.bincount(run_group, run_positives * (below + run_negatives / 2), groups)
    pairs = positives * negatives
    return [float(w / p) if p else None for w, p in zip(wins, pairs, strict=True)]


def _smallest(codes: NDArray[np.integer], groups: int) -> NDArray[np.integer]:
    """The codes in the smallest signed type that holds them: numpy sorts up to 16 bits by radix."""
    return np.asarray(codes).astype(np.min_scalar_type(-max(groups, 1)))
