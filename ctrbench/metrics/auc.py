"""Area under the ROC curve, ties counting half, for all groups of a column from one sort of the scores.

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Left, Metric, Relative, ratios
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.ranking import Ranking, pairs_won, pairs_won_without_each, smallest, stable_order
from ctrbench.metrics.relaimpr import relaimpr_by_seed
from ctrbench.metrics.sample import Sample


class AUC(Metric):
    """Area under the ROC curve of a group's rows."""

    name: ClassVar[str] = "auc"
    label: ClassVar[str] = "AUC"
    direction: ClassVar[Direction] = "higher"
    tolerance: ClassVar[float] = 0.005
    needs_probabilities: ClassVar[bool] = False
    high: ClassVar[float] = 1.0
    reading: ClassVar[str] = (
        "AUC is the probability that a positive row is scored above a negative row of the same group, ties counting "
        "half; higher is better and 0.5 is chance."
    )
    relative: ClassVar[Relative | None] = Relative("relaimpr", "RelaImpr", "percent", relaimpr_by_seed)

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group holds one class only."""
        return grouped_auc(sample.label, sample.ranking, codes, groups)

    @classmethod
    def without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Left:
        """Exact, from two orders of the rows (:func:`pairs_won_without_each`)."""
        group = smallest(codes, groups)[sample.ranking.order]
        moved = stable_order(group)[np.count_nonzero(group == -1) :]
        rows = sample.ranking.order[moved]
        won, pairs = pairs_won_without_each(
            group[moved],
            sample.ranking.tie[moved],
            sample.label[rows],
            groups,
            block=blocks.codes[rows],
            blocks=blocks.count,
        )
        return blocks.by_group(ratios(won, pairs))


def auc(label: NDArray[np.generic], score: NDArray[np.floating]) -> float | None:
    """AUC of ``label`` ``(n,)`` in {0, 1} under ``score`` ``(n,)``; None where only one class is present.

    Raises:
        ValueError: a score is NaN.
    """
    return grouped_auc(label, Ranking.of(score), np.zeros(len(score), dtype=np.int8), 1)[0]


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
    group = smallest(codes, groups)[ranking.order]
    by_group = stable_order(group)[np.count_nonzero(group == -1) :]
    positive = np.asarray(label, dtype=bool)[ranking.order[by_group]]
    return ratios(*pairs_won(group[by_group], ranking.tie[by_group], positive, groups))
