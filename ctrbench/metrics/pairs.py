"""The contract of metrics that are a share of pairs of rows: those in the right order among all pairs of a group.

Such a metric can compare rows within the groups of a column and sum over the groups: each group weighs by its pairs,
and differences between the groups do not count.

Shape: n rows, G groups, K blocks.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Left, Metric, ratios
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.sample import Sample

Pairs = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Pairs in the right order, and all pairs."""


class PairMetric(Metric):
    """Base class; a subclass counts or weighs pairs."""

    @classmethod
    @abstractmethod
    def pairs(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> Pairs:
        """The pairs of each group: two arrays ``(G,)``."""

    @classmethod
    @abstractmethod
    def pairs_without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Pairs:
        """The pairs of each group without each block in turn, group by group: two arrays ``(G * K,)``."""

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group has no pairs."""
        return ratios(*cls.pairs(sample, codes, groups))

    @classmethod
    def without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Left:
        """Exact, from the pairs that each block takes part in."""
        return blocks.by_group(ratios(*cls.pairs_without_each_block(sample, codes, groups, blocks)))

    @classmethod
    def within(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> float | None:
        """The share among the pairs of all groups; None where no group has pairs."""
        won, pairs = cls.pairs(sample, codes, groups)
        return ratios(won.sum(keepdims=True), pairs.sum(keepdims=True))[0]

    @classmethod
    def within_without_each_block(
        cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks
    ) -> list[float | None]:
        """Exact, from the pairs that each block takes part in."""
        won, pairs = cls.pairs_without_each_block(sample, codes, groups, blocks)
        return ratios(*(count.reshape(groups, blocks.count).sum(axis=0) for count in (won, pairs)))
