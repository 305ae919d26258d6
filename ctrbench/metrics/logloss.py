"""Logloss: mean binary cross-entropy, natural log.

Shape: n rows, G groups.
"""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Left, Metric, ratios
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.row_loss import CLIP, row_loss
from ctrbench.metrics.sample import Sample


class Logloss(Metric):
    """Mean cross-entropy of a group's rows, in nats."""

    name: ClassVar[str] = "logloss"
    label: ClassVar[str] = "Logloss"
    direction: ClassVar[Direction] = "lower"
    needs_probabilities: ClassVar[bool] = True
    high: ClassVar[float] = -math.log(1 - (1 - CLIP)) * (1 + 1e-9)  # every row clipped; the mean is rounded
    reading: ClassVar[str] = (
        "Logloss is the mean cross-entropy of the rows in nats; lower is better, and groups with different base rates "
        "cannot be compared by it."
    )

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group has no rows."""
        totals = sample.totals(codes, groups)
        return ratios(totals.loss, totals.rows)

    @classmethod
    def without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Left:
        """From the groups' sums."""
        totals = blocks.totals_without_each(sample, codes, groups)
        return blocks.by_group(ratios(totals.loss, totals.rows))

    @classmethod
    def overall(cls, sample: Sample) -> float | None:
        """Summed in pairs, which rounds less than the running sums of groups; None without rows."""
        return float(sample.loss.mean()) if len(sample.loss) else None


def logloss(label: NDArray[np.generic], probability: NDArray[np.floating]) -> float | None:
    """Mean of :func:`row_loss` over the rows; None without rows."""
    loss, _ = row_loss(label, probability)
    return float(loss.mean()) if len(loss) else None
