"""How sure a mean over seeds is, and a method's difference to its base: the error of training and that of the sample.

Two errors count. That of training is the variance over seeds of the mean. That of the sample of users comes from a
jackknife over blocks of users, on the mean over seeds. Their variances add up; the degrees of freedom of the sum are
Satterthwaite's, and intervals and tests are Student's t.

Sources: Satterthwaite, An approximate distribution of estimates of variance components, Biometrics Bulletin 1946; Kott,
The delete-a-group jackknife, Journal of Official Statistics 2001; Schuirmann's two one-sided tests, J. Pharmacokinetics
and Biopharmaceutics 1987.

Shape: S seeds, K blocks of users.
"""

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
POWER = 0.8
"""Probability with which an effect of the smallest detectable size is found."""
MOST_SEEDS = 10_000
"""Where more seeds than this would be needed, no number of seeds decides."""


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    low: float
    high: float

    def __contains__(self, value: object) -> bool:
        return isinstance(value, float | int) and self.low <= value <= self.high


@dataclass(frozen=True)
class Error:
    """The variance of a mean over seeds."""

    seeds: int
    """S, at least 2."""
    of_training: float
    """Variance of the mean over seeds."""
    of_users: float | None = None
    """Variance by the sample of users; None where it was not measured."""
    blocks: int = 0
    """Blocks of users with any rows: at most K."""

    @classmethod
    def of(cls, values: NDArray[np.float64], without_blocks: NDArray[np.float64] | None = None) -> Self | None:
        """The error of the mean of ``values``.

        None with one seed, whose spread is unknown, and where the sample of users is too small for a jackknife: a value
        is undefined without some block, or a single block holds all rows.

        Args:
            values: ``(S,)``.
            without_blocks: ``(S, K)``: the same values without each block of users, NaN where undefined; None where
                unknown. A block whose absence changes no value has no rows, and does not count.
        """
        count = len(values)
        if count < 2:
            return None
        own = cls(count, float(np.var(values, ddof=1)) / count)
        if without_blocks is None:
            return own
        counted = (without_blocks != values[:, None]).any(0)
        if not counted.any():
            return replace(own, of_users=0.0, blocks=without_blocks.shape[1])
        if counted.sum() == 1 or np.isnan(without_blocks).any():
            return None
        left = without_blocks[:, counted].mean(0)
        jackknife = float((len(left) - 1) / len(left) * np.square(left - left.mean()).sum())
        return replace(own, of_users=jackknife, blocks=len(left))

    @property
    def variance(self) -> float:
        """The sum of both variances."""
        return self.of_training + (self.of_users or 0.0)

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the sum, by Satterthwaite."""
        parts = [(self.of_training, self.seeds - 1), (self.of_users or 0.0, self.blocks - 1)]
        below = sum(variance**2 / degrees for variance, degrees in parts if variance)
        return self.variance**2 / below if below else self.seeds - 1

    def scaled(self, factor: float) -> Self:
        """The error of the mean multiplied by a number."""
        users = None if self.of_users is None else self.of_users * factor**2
        return replace(self, of_training=self.of_training * factor**2, of_users=users)

    def with_seeds(self, seeds: int) -> Self:
        """The error to expect with another number of seeds."""
        return replace(self, seeds=seeds, of_training=self.of_training * self.seeds / seeds)

    def half_width(self, confidence: float = CONFIDENCE, comparisons: int = 1) -> float:
        """Half the width of a two-sided interval, by Bonferroni for a number of comparisons."""
        return t_quantile(1 - (1 - confidence) / 2 / comparisons, self.degrees) * math.sqrt(self.variance)


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds, or the mean of paired differences, with its error."""

    value: float
    error: Error | None
    """None where it is unknown (:meth:`Error.of`), and then interval and p are too."""
    comparisons: int = 1
    """The size of the family of comparisons that it belongs to: interval and p are corrected by Bonferroni alike, so
    that p is below 0.05 exactly where the 95 % interval excludes 0."""

    @property
    def interval(self) -> Interval | None:
        """95 % interval, simultaneous over the family."""
        return self.at(CONFIDENCE, self.comparisons)

    @property
    def p(self) -> float | None:
        """Two-sided p of the hypothesis that the true value is 0, corrected.

        Where neither seeds nor users vary, it is 0, or 1 where the value is 0.
        """
        if self.error is None:
            return None
        if not self.error.variance:
            return 1.0 if self.value == 0 else 0.0
        tail = t_tail(abs(self.value) / math.sqrt(self.error.variance), self.error.degrees)
        return min(1.0, 2 * tail * self.comparisons)

    def at(self, confidence: float, comparisons: int = 1) -> Interval | None:
        """The interval at another level of confidence, for a number of comparisons."""
        if self.error is None:
            return None
        margin = self.error.half_width(confidence, comparisons)
        return Interval(self.value - margin, self.value + margin)

    def lies_within(self, margin: float) -> bool:
        """Whether two one-sided tests at 5 % show a true value nearer to 0 than the margin: the 90 % interval, not
        corrected, lies within it."""
        interval = self.at(0.9)
        return interval is not None and -margin < interval.low and interval.high < margin

    @property
    def detectable(self) -> float | None:
        """The smallest true effect that these seeds and users would find, at a power of 80 %."""
        if self.error is None:
            return None
        beyond = t_quantile(POWER, self.error.degrees) * math.sqrt(self.error.variance)
        return self.error.half_width(CONFIDENCE, self.comparisons) + beyond

    def seeds_to_separate(self, effect: float) -> int | None:
        """The number of seeds with which the interval is too narrow to hold both 0 and ``effect``; None where the
        users' error alone leaves it too wide."""
        if self.error is None:
            return None

        def enough(seeds: int) -> bool:
            assert self.error
            return 2 * self.error.with_seeds(seeds).half_width(CONFIDENCE, self.comparisons) < abs(effect)

        if not enough(MOST_SEEDS):
            return None
        low, high = 1, MOST_SEEDS
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high


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
