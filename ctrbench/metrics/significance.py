"""Intervals and tests over seeds: Student's t throughout, and Holm's correction for several methods.

Shape: S seeds, M comparisons.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, float | int) and self.low <= value <= self.high


@dataclass(frozen=True)
class PairedDifference:
    """Method minus base over the seeds that both have."""

    delta: float
    interval: Interval | None
    """95 % t-interval of the mean difference; None with one seed."""
    p: float | None
    """Two-sided p of the paired t-test, not corrected; None with one seed."""


def t_quantile(probability: float, degrees: float) -> float:
    """The value below which Student's t with ``degrees`` degrees of freedom stays with a given probability."""
    from scipy.special import stdtrit  # noqa: PLC0415 - 0.3 seconds, and half of scipy.stats

    return float(stdtrit(degrees, probability))


def t_tail(value: float, degrees: float) -> float:
    """The probability that Student's t with ``degrees`` degrees of freedom exceeds ``value``."""
    from scipy.special import stdtr  # noqa: PLC0415 - as above

    return float(stdtr(degrees, -value))


def standard_deviation(values: NDArray[np.float64]) -> float | None:
    """Sample standard deviation (S - 1) of ``values`` ``(S,)``; None with fewer than two."""
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def mean_interval(values: NDArray[np.float64]) -> Interval | None:
    """95 % t-interval of the mean of ``values`` ``(S,)``; None with fewer than two."""
    deviation = standard_deviation(values)
    if deviation is None:
        return None
    count, mean = len(values), float(values.mean())
    margin = t_quantile((1 + CONFIDENCE) / 2, count - 1) * deviation / count**0.5
    return Interval(mean - margin, mean + margin)


def paired_difference(method: NDArray[np.float64], base: NDArray[np.float64]) -> PairedDifference:
    """Difference of ``method`` ``(S,)`` to ``base`` ``(S,)``, paired by position.

    Where every seed differs by exactly the same amount the t-statistic is infinite: p is 0, or 1 where that amount
    is 0. (:func:`scipy.stats.ttest_rel` gives NaN there.)
    """
    difference = np.asarray(method, dtype=np.float64) - np.asarray(base, dtype=np.float64)
    delta = float(difference.mean())
    return PairedDifference(delta, mean_interval(difference), _p_of_zero_mean(difference))


def _p_of_zero_mean(difference: NDArray[np.float64]) -> float | None:
    deviation = standard_deviation(difference)
    if deviation is None:
        return None
    mean, count = float(difference.mean()), len(difference)
    if deviation == 0:
        return 1.0 if mean == 0 else 0.0
    return 2 * t_tail(abs(mean) / (deviation / count**0.5), count - 1)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p values corrected for their number by Holm's step-down method (1979); None stays None and does not count.

    Args:
        p_values: M values of one family.
    """
    known = sorted((p, place) for place, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(known):
        largest = max(largest, min(1.0, p * (len(known) - rank)))
        corrected[place] = largest
    return corrected
