"""What a search of settings may try: section ``[search]`` of a recipe."""

import math
from typing import Any, Self, TypeGuard

from pydantic import Field, model_validator

from ctrbench.strict import Strict, is_plain

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

    def on_edge(self, value: object) -> bool:
        """Whether a number lies at an end of the space, so that a wider space may hold a better number.

        An end is the least or the greatest of the choices, or :data:`EDGE` of the range next to low or high.
        """
        if not _is_number(value):
            return False
        if self.low is None or self.high is None:
            numbers = list(filter(_is_number, self.choices))
            return len(numbers) > 1 and value in (min(numbers), max(numbers))
        low, high, at = (math.log(end) if self.log else end for end in (self.low, self.high, value))
        return min(at - low, high - at) <= EDGE * (high - low)


class Search(Strict):
    """Section ``[search]``: settings chosen on validation, with equal effort for every method."""

    trials: int = Field(ge=1, le=10_000)
    """Trials per dataset, backbone and method. If a method has fewer distinct points, all of them are tried."""
    seed: int = Field(1000, ge=0, lt=2**31)
    """Seed of the search and of its runs. It is not a seed of the table, so that no row is chosen on its own noise."""
    objective: str = "logloss"
    """What the search optimises, on the search holdout at the kept epoch: ``METRIC`` of the main task, or
    ``TASK.METRIC``."""
    space: dict[str, Dimension] = Field(min_length=1)
    """Path of a setting (``training.penalty``, ``method.weight``) -> its values. A method that lacks the setting is
    searched over the rest."""


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
