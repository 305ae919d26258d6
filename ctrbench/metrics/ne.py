"""Normalized entropy (NE): logloss over the entropy of the rows' own base rate; 1 is a constant prediction.

Source: He et al., Practical Lessons from Predicting Clicks on Ads at Facebook, ADKDD 2014, eq. 1.

Shape: n rows, G groups.
"""

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Left, Metric, Relative
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.ne_diff import ne_diff_by_seed
from ctrbench.metrics.sample import Sample, Totals


class NormalizedEntropy(Metric):
    """Logloss of a group's rows over the entropy of the group's base rate."""

    name: ClassVar[str] = "ne"
    label: ClassVar[str] = "NE"
    direction: ClassVar[Direction] = "lower"
    needs_probabilities: ClassVar[bool] = True
    reading: ClassVar[str] = (
        "NE is the logloss over that of a constant prediction of the group's base rate; lower is better, and at 1 the "
        "model is worth no more than the base rate."
    )
    relative: ClassVar[Relative | None] = Relative("ne_diff", "NE_diff", "percent", ne_diff_by_seed)

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group holds one class only."""
        return _of_totals(sample.totals(codes, groups))

    @classmethod
    def without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Left:
        """From the groups' sums."""
        return blocks.by_group(_of_totals(blocks.totals_without_each(sample, codes, groups)))


def _of_totals(totals: Totals) -> list[float | None]:
    sums = zip(totals.loss.tolist(), totals.positives.tolist(), totals.rows.tolist(), strict=True)
    return [normalized_entropy(loss / rows if rows else None, positives, rows) for loss, positives, rows in sums]


def base_rate_entropy(positives: float, rows: float) -> float:
    """Entropy in nats of the base rate ``positives / rows``; 0 where only one class, or no row, is present."""
    if positives in (0, rows):
        return 0.0
    rate = positives / rows
    return -rate * math.log(rate) - (1 - rate) * math.log1p(-rate)


def normalized_entropy(logloss: float | None, positives: float, rows: float) -> float | None:
    """NE of rows with a given logloss (nats); None where the entropy of their base rate is 0."""
    entropy = base_rate_entropy(positives, rows)
    return None if logloss is None or entropy == 0 else logloss / entropy
