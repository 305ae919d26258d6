"""Real AUC: AUC against real clicks, those that are not accidental, on simulated data.

    sum over rows i != j of q_i (1 - q_j) ([s_i > s_j] + [s_i = s_j] / 2) / sum over i != j of q_i (1 - q_j)

with s a row's score and q its true probability of a real click (of another task: of a label 1 without an accidental
click). A model that learns what users do by accident gains in AUC and not here. The probability takes the place of the
drawn label, as in expected NE, so that the noise of the labels is gone.

Source: expectations of the two sums of AUC over draws of the labels; ours, for the question of PWiseR (Durmus et al.,
arXiv 2406.02163) whether clicks that convert are cleaner.

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.expected_pairs import expected_pairs, expected_pairs_without_each
from ctrbench.metrics.pairs import PairMetric, Pairs
from ctrbench.metrics.sample import Sample


class RealAUC(PairMetric):
    """Expected area under the ROC curve of a group's rows, real clicks being the positives."""

    name: ClassVar[str] = "real_auc"
    label: ClassVar[str] = "Real AUC"
    direction: ClassVar[Direction] = "higher"
    needs_probabilities: ClassVar[bool] = False
    needs_truth: ClassVar[bool] = True
    high: ClassVar[float] = 1.0
    reading: ClassVar[str] = (
        "Real AUC is the AUC with the true probability of a real click, which is no accident, in place of the label; "
        "higher is better and 0.5 is chance."
    )

    @classmethod
    def knows(cls, sample: Sample) -> bool:
        """Whether a sample has the probabilities of real clicks."""
        return sample.real is not None

    @classmethod
    def pairs(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> Pairs:
        """Expected pairs of a row with and a row without a real click."""
        ranking, group = sample.ranking.by_group(codes, groups)
        return expected_pairs(group, ranking.tie, _real(sample)[ranking.order], groups)

    @classmethod
    def pairs_without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Pairs:
        """From two orders of the rows (:func:`expected_pairs_without_each`)."""
        ranking, group = sample.ranking.by_group(codes, groups)
        return expected_pairs_without_each(
            group,
            ranking.tie,
            _real(sample)[ranking.order],
            groups,
            block=blocks.codes[ranking.order],
            blocks=blocks.count,
        )


def _real(sample: Sample) -> NDArray[np.float64]:
    assert sample.real is not None
    return sample.real
