"""Expected NE: NE with the true probability in place of the label, on simulated data.

    E[NE] = mean over rows of -(q log p + (1 - q) log(1 - p)) / H(mean of q)

with q a row's true probability, p the prediction, clipped as for the logloss, and H the entropy. It is the NE of
infinitely many draws of the labels: their noise is gone, which is most of the error of a small NE_diff. The true
probabilities themselves have the least value that any prediction can have.

Source: Cokbas et al., C2AL, arXiv 2510.02215 (NE and NE_diff); the expectation over labels is ours.

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Left, Metric, Relative
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.ne import normalized_entropy
from ctrbench.metrics.ne_diff import ne_diff_by_seed
from ctrbench.metrics.row_loss import CLIP
from ctrbench.metrics.sample import Sample


class ExpectedNormalizedEntropy(Metric):
    """The expectation of a group's logloss over the entropy of its expected base rate."""

    name: ClassVar[str] = "expected_ne"
    label: ClassVar[str] = "Expected NE"
    direction: ClassVar[Direction] = "lower"
    needs_probabilities: ClassVar[bool] = True
    needs_truth: ClassVar[bool] = True
    reading: ClassVar[str] = (
        "Expected NE is NE with the true probability in place of the label, which removes the noise of the labels; "
        "lower is better, and the oracle's is the least possible."
    )
    relative: ClassVar[Relative | None] = Relative("expected_ne_diff", "Expected NE_diff", "percent", ne_diff_by_seed)

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group has no rows, or a true probability of 0 or 1 throughout."""
        return _of_sums(_sums(sample, codes, groups))

    @classmethod
    def without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Left:
        """From the groups' sums."""
        whole = _sums(sample, codes, groups).repeat(blocks.count, 1)
        return blocks.by_group(_of_sums(whole - _sums(sample, blocks.within(codes), groups * blocks.count)))


def _sums(sample: Sample, codes: NDArray[np.integer], groups: int) -> NDArray[np.float64]:
    """Rows, true probability and expected cross-entropy in nats, summed over each group: (3, G)."""
    truth, predicted = sample.truth, np.clip(sample.score, CLIP, 1 - CLIP)
    assert truth is not None
    loss = -(truth * np.log(predicted) + (1 - truth) * np.log1p(-predicted))
    slots = codes.astype(np.intp) + 1  # slot 0 takes the rows outside every group
    return np.stack([np.bincount(slots, weights, groups + 1)[1:] for weights in (np.ones(len(loss)), truth, loss)])


def _of_sums(sums: NDArray[np.float64]) -> list[float | None]:
    return [normalized_entropy(loss / rows, truth, rows) if rows else None for rows, truth, loss in sums.T.tolist()]
