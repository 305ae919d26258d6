"""Area under the ROC curve, ties counting half, for all groups of a column from one sort of the scores.

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Relative, ratios
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.pairs import PairMetric, Pairs
from ctrbench.metrics.ranking import Ranking, pairs_won, pairs_won_without_each
from ctrbench.metrics.relaimpr import relaimpr_by_seed
from ctrbench.metrics.sample import Sample


class AUC(PairMetric):
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
    def pairs(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> Pairs:
        """Pairs of a positive and a negative row."""
        return grouped_pairs(sample.label, sample.ranking, codes, groups)

    @classmethod
    def pairs_without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Pairs:
        """From two orders of the rows (:func:`pairs_won_without_each`)."""
        return grouped_pairs_without_each(sample.label, sample.ranking, codes, groups, blocks)


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
    return ratios(*grouped_pairs(label, ranking, codes, groups))


def grouped_pairs(label: NDArray[np.generic], ranking: Ranking, codes: NDArray[np.integer], groups: int) -> Pairs:
    """Pairs of a positive and a negative row within each group (:func:`pairs_won`), arguments as for
    :func:`grouped_auc`."""
    own, group = ranking.by_group(codes, groups)
    return pairs_won(group, own.tie, np.asarray(label, dtype=bool)[own.order], groups)


def grouped_pairs_without_each(
    label: NDArray[np.bool_], ranking: Ranking, codes: NDArray[np.integer], groups: int, blocks: Blocks
) -> Pairs:
    """:func:`grouped_pairs` without each block in turn (:func:`pairs_won_without_each`)."""
    own, group = ranking.by_group(codes, groups)
    return pairs_won_without_each(
        group, own.tie, label[own.order], groups, block=blocks.codes[own.order], blocks=blocks.count
    )
