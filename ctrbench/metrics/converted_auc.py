"""Converted AUC: how often the score of a click puts a click that converts above a click that does not.

    sum over i in S3, j in S2 of ([s_i > s_j] + [s_i = s_j] / 2) / (|S3| |S2|)

with s the score of a click, S2 the clicks without a conversion and S3 those with one: of the pairs on which the first
term of PWiseR (Durmus et al., arXiv 2406.02163) acts, the share in the order that it asks for, its margin aside.

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.auc import grouped_pairs, grouped_pairs_without_each
from ctrbench.metrics.base import Direction
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.pairs import PairMetric, Pairs
from ctrbench.metrics.sample import Sample


class ConvertedAUC(PairMetric):
    """Area under the ROC curve of a group's clicks, those that convert being the positives."""

    name: ClassVar[str] = "converted_auc"
    label: ClassVar[str] = "Converted AUC"
    direction: ClassVar[Direction] = "higher"
    needs_probabilities: ClassVar[bool] = False
    needs_conversions: ClassVar[bool] = True
    high: ClassVar[float] = 1.0
    reading: ClassVar[str] = (
        "Converted AUC is the probability that the score of a click puts a click that converts above a click that does "
        "not; higher is better and 0.5 is chance."
    )

    @classmethod
    def pairs(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> Pairs:
        """Pairs of a click with and a click without a conversion."""
        return grouped_pairs(_converted(sample), sample.ranking, _clicks(sample, codes), groups)

    @classmethod
    def pairs_without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Pairs:
        """From two orders of the clicks (:func:`ctrbench.metrics.ranking.pairs_won_without_each`)."""
        return grouped_pairs_without_each(_converted(sample), sample.ranking, _clicks(sample, codes), groups, blocks)


def _clicks(sample: Sample, codes: NDArray[np.integer]) -> NDArray[np.integer]:
    """The codes (n,) of the clicks; all else is outside every group."""
    return np.where(sample.label, codes, -1)


def _converted(sample: Sample) -> NDArray[np.bool_]:
    assert sample.converted is not None
    return sample.converted
