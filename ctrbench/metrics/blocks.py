"""Blocks of users, and sums over the rows that remain where one block is left out.

Source: the delete-a-group jackknife (Kott, The delete-a-group jackknife, Journal of Official Statistics 2001).

Shape: n rows, G groups, K blocks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.sample import Sample, Totals


@dataclass(frozen=True, eq=False)
class Blocks:
    """The block of each row's user."""

    codes: NDArray[np.integer]
    """``(n,)`` in [0, K)."""
    count: int
    """K."""

    def within(self, groups: NDArray[np.integer]) -> NDArray[np.int32]:
        """``(n,)``: the number of each row's pair of group and block, group by group; -1 outside every group."""
        return np.where(groups < 0, -1, groups.astype(np.int32) * self.count + self.codes).astype(np.int32)

    def totals_without_each(self, sample: Sample, codes: NDArray[np.integer], groups: int) -> Totals:
        """Sums over the rows of each group without those of each block, group by group: all ``(G * K,)``."""
        whole = sample.totals(codes, groups)
        parts = sample.totals(self.within(codes), groups * self.count)

        return Totals(
            rows=whole.rows.repeat(self.count) - parts.rows,
            positives=whole.positives.repeat(self.count) - parts.positives,
            loss=whole.loss.repeat(self.count) - parts.loss,
            predicted=whole.predicted.repeat(self.count) - parts.predicted,
        )

    def by_group(self, values: list[float | None]) -> list[list[float | None]]:
        """``(G * K,)`` values, group by group, as G lists."""
        return [values[start : start + self.count] for start in range(0, len(values), self.count)]
