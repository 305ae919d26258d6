"""The contract of every metric.

Shape: n rows, G groups, S seeds.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.sample import Sample

Direction = Literal["higher", "lower", "one"]
"""Which values are better: higher ones, lower ones, or those nearer to 1."""


@dataclass(frozen=True)
class Relative:
    """A comparison of a metric's values with a base's, other than by their difference."""

    name: str
    """Name in records and published files."""
    label: str
    """Name in tables."""
    unit: str
    """Unit of the values, e.g. ``percent``."""
    by_seed: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64] | None]
    """Values and the base's values, both ``(S,)`` and paired by seed -> one value per seed, or None if undefined."""


Left = list[list[float | None]]
"""One list per group, one value per block that is left out; None where the metric is then undefined."""


class Metric(ABC):
    """Base class; a subclass sets the attributes and defines :meth:`by_group`. Metrics are never instantiated."""

    name: ClassVar[str]
    """Registered name, used in records and recipes."""
    label: ClassVar[str]
    """Name in tables."""
    direction: ClassVar[Direction]
    tolerance: ClassVar[float] = 0.0
    """A value this close to a published one counts as equal to it."""
    needs_probabilities: ClassVar[bool]
    """Undefined for scores that only rank the rows."""
    needs_truth: ClassVar[bool] = False
    """Undefined where the truth is unknown: on all but simulated data."""
    needs_conversions: ClassVar[bool] = False
    """Undefined where it is unknown which clicks convert: on all but the clicks of a run that predicts both."""
    low: ClassVar[float] = 0.0
    """Lowest possible value."""
    high: ClassVar[float] = math.inf
    """Highest possible value."""
    reading: ClassVar[str]
    """One sentence for readers of a table: what the number means and which values are good."""
    relative: ClassVar[Relative | None] = None

    @classmethod
    @abstractmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric within each group.

        Args:
            sample: Its scores are probabilities, and it has true ones, if the metric needs them.
            codes: ``(n,)`` in [-1, G); -1 is outside every group.
            groups: G.

        Returns:
            G values; None where a group leaves the metric undefined.
        """

    @classmethod
    def without_each_block(cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks) -> Left | None:
        """The metric within each group with each block of users left out in turn, for a jackknife over users.

        Returns:
            G lists with one value per block; None for a metric that does not support it.
        """
        del sample, codes, groups, blocks
        return None

    @classmethod
    def within(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> float | None:
        """The metric over all groups together, rows being compared within their groups only; None where it is
        undefined, and for a metric that compares no rows.

        Args:
            sample: As for :meth:`by_group`, like ``codes`` and ``groups``.
            codes: ``(n,)``.
            groups: G.
        """
        del sample, codes, groups
        return None

    @classmethod
    def within_without_each_block(
        cls, sample: Sample, codes: NDArray[np.integer], groups: int, blocks: Blocks
    ) -> list[float | None] | None:
        """:meth:`within` with each block of users left out in turn; None for a metric that does not support it."""
        del sample, codes, groups, blocks
        return None

    @classmethod
    def knows(cls, sample: Sample) -> bool:
        """Whether a sample has the truth and the conversions that the metric needs."""
        truth, conversions = sample.truth is not None, sample.converted is not None
        return (truth or not cls.needs_truth) and (conversions or not cls.needs_conversions)

    @classmethod
    def defined_on(cls, sample: Sample) -> bool:
        """Whether a sample has the probabilities and the truth that the metric needs."""
        return (sample.probabilities or not cls.needs_probabilities) and cls.knows(sample)

    @classmethod
    def overall(cls, sample: Sample) -> float | None:
        """The metric over all rows; None where it is undefined."""
        return cls.by_group(sample, np.zeros(len(sample.label), np.int8), 1)[0]

    @classmethod
    def sound(cls, value: float | None) -> bool:
        """Whether the metric can take this value; a stored value that it cannot take is damaged."""
        return value is None or (math.isfinite(value) and cls.low <= value <= cls.high)

    @classmethod
    def goodness(cls, value: float | None) -> float:
        """A number that is larger where the value is better; minus infinity for None."""
        if value is None:
            return -math.inf
        return {"higher": value, "lower": -value, "one": -abs(value - 1)}[cls.direction]


def ratios(over: NDArray[np.number], under: NDArray[np.number]) -> list[float | None]:
    """``over / under`` ``(G,)``, None where ``under`` is 0."""
    defined = under != 0
    divided = np.divide(over, under, out=np.zeros(len(under)), where=defined)
    return [value if one else None for value, one in zip(divided.tolist(), defined.tolist(), strict=True)]
