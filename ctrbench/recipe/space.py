"""What a search of settings may try: section ``[search]`` of a recipe."""

import math
from collections.abc import Collection
from typing import Annotated, Any, Literal, Self, TypeGuard

from pydantic import Field, model_validator

from ctrbench.strict import DatasetName, Strict, is_plain

EDGE = 0.05
"""Share of a dimension's range, on its scale, that counts as its end."""

GREATEST = 1e300
"""Largest absolute value of a number that a search may draw."""


class Dimension(Strict):
    """What a search may give one setting: ``{low, high, log}`` or ``{choices}``."""

    low: float | None = None
    high: float | None = None
    log: bool = False
    """Draw from low to high on a logarithmic scale."""
    choices: tuple[Any, ...] = ()
    """Values of any type, equally likely; a space of choices only is searched as a grid, without repeats."""
    natural: Literal["low", "high", "both"] | None = None
    """The ends that no wider space could move, such as 0 of a rate: a best value there is not on an edge."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        ends = (self.low, self.high)
        if bool(self.choices) == (None not in ends) or (self.choices and (self.log or ends != (None, None))):
            raise ValueError("a dimension is either {low, high} or {choices}")
        if self.low is not None and self.high is not None and not self._least() < self.low < self.high:
            raise ValueError("low must be less than high, and above 0 where log is set")
        if any(abs(end) > GREATEST for end in ends if end is not None):
            raise ValueError(f"low and high must lie between -{GREATEST} and {GREATEST}")
        if not is_plain(self.choices):
            raise ValueError(f"choices are text, numbers, true, false or lists (got {self.choices!r:.60})")
        return self

    def _least(self) -> float:
        return 0.0 if self.log else -math.inf

    def probes(self) -> tuple[Any, ...]:
        """Values that a setting must take if it takes every value of the dimension: the choices, or the two ends and a
        number between that is not whole."""
        if self.low is None or self.high is None:
            return self.choices
        return self.low, self.high, math.nextafter(self.low, self.high)

    def rounded(self, value: float) -> float:
        """A number of the range to three digits, and within the range still."""
        assert self.low is not None
        assert self.high is not None
        return min(max(float(f"{value:.3g}"), self.low), self.high)

    def holds(self, value: object) -> bool:
        """Whether a search may draw the value."""
        if self.low is None or self.high is None:
            return value in self.choices
        return _is_number(value) and self.low <= value <= self.high

    def on_edge(self, value: object, tried: Collection[object] = ()) -> bool:
        """Whether a number lies at an end of the space, or of what was tried of it, where better may lie beyond.

        An end is the least or the greatest of the choices, or :data:`EDGE` of the range next to low or high. A natural
        end does not count. Of choices, the value is at an end too where all greater ones, or all lesser ones, are
        missing from ``tried``, the values that a search has drawn.
        """
        if not _is_number(value):
            return False
        if self.low is None or self.high is None:
            numbers = list(filter(_is_number, self.choices))
            if tried and any(_all_untried(numbers, tried, sign * value, sign) for sign in (1, -1)):
                return True
            at_low, at_high = len(numbers) > 1 and value == min(numbers), len(numbers) > 1 and value == max(numbers)
        else:
            low, high, at = (math.log(end) if self.log else end for end in (self.low, self.high, value))
            at_low, at_high = at - low <= EDGE * (high - low), high - at <= EDGE * (high - low)
        return (at_low and self.natural not in ("low", "both")) or (at_high and self.natural not in ("high", "both"))


class Search(Strict):
    """Section ``[search]``: settings chosen on the search holdout, with the same number of trials for every method,
    unless ``base_trials`` says otherwise.

    The search has two rungs. On the first, every trial runs with one seed. On the second, the best of them, the
    finalists, run with further seeds, and the finalist with the best mean over all seeds wins: a lucky seed does not.
    """

    trials: int = Field(ge=1, le=10_000)
    """Trials per dataset, backbone and method. If a method has fewer distinct points, all of them are tried."""
    trials_on: dict[DatasetName, Annotated[int, Field(ge=1, le=10_000)]] = Field(default_factory=dict)
    """Dataset -> its number of trials, where that is not ``trials``; not together with ``base_trials``."""
    base_trials: int | None = Field(None, ge=1, le=10_000)
    """Number of trials of the base, where that is not ``trials``. With ``freeze_base`` every other method inherits what
    they found, and adds ``trials`` of its own."""
    freeze_base: bool = False
    """Whether every other method keeps the best settings of the base, and is searched over settings of its own alone
    (``methods.NAME.``), so that nothing but the method differs: for effects smaller than the luck of a search."""
    finalists: float = Field(0.25, gt=0, le=1)
    """Share of the trials that reach the second rung, rounded up."""
    seeds: int = Field(4, ge=1, le=1000)
    """Seeds of a finalist: ``seed`` and those that follow it. With 1 there is no second rung."""
    seed: int = Field(1000, ge=0, lt=2**31)
    """First seed of the runs, from which the seed of each row's search is derived as well. No seed of the search is a
    seed of the table, so that no row is chosen on its own noise."""
    objective: str = "logloss"
    """What the search optimises, on the search holdout at the kept look: ``METRIC`` of the main task,
    ``TASK.METRIC``, or ``mean.METRIC`` over the trained tasks."""
    space: dict[str, Dimension] = Field(min_length=1)
    """Path of a setting (``training.penalty``, ``method.weight``) -> its values. A method that lacks the setting is
    searched over the rest."""

    @model_validator(mode="after")
    def _one_exception(self) -> Self:
        if self.base_trials and self.trials_on:
            raise ValueError("base_trials and trials_on each make an exception from trials; give one of them")
        return self

    def budget(self, dataset: str, *, of_base: bool) -> int:
        """Number of trials on a dataset."""
        usual = self.base_trials if of_base and self.base_trials else self.trials
        return self.trials_on.get(dataset, usual)

    def further_seeds(self) -> range:
        """The seeds of the second rung."""
        return range(self.seed + 1, self.seed + self.seeds)


def _all_untried(numbers: Collection[float], tried: Collection[object], value: float, sign: int) -> bool:
    """Whether there are numbers above a value, all counted times ``sign``, and none of them was tried."""
    above = [number for number in numbers if sign * number > value]
    return bool(above) and not any(number in tried for number in above)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
