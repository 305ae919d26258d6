"""Verdicts: a value against the published value, and a method against its base."""

from typing import Literal

from ctrbench.metrics.significance import Interval

Value = Literal["within", "higher", "lower", "not comparable", "not published"]
Direction = Literal["improves", "hurts", "no difference"]
Agreement = Literal["agrees", "differs"]

SIGNIFICANT = 0.05
"""A corrected p below this is an effect."""
FEW_SEEDS = 5
"""With fewer seeds than this a report warns that its intervals and p values are rough."""


def value_verdict(
    mean: float | None, interval: Interval | None, published: float | None, *, tolerance: float, comparable: bool
) -> Value | None:
    """Where our mean lies relative to the published value: ``higher`` means that ours is above the paper's.

    Args:
        mean: our mean over seeds; None where the metric is undefined.
        interval: 95 % interval of that mean; None with a single seed, which gets no verdict.
        published: the paper's value.
        tolerance: a smaller difference than this is ``within`` too; 0 if only the interval decides.
        comparable: the paper's value belongs to the same data and protocol.
    """
    if published is None:
        return "not published"
    if not comparable:
        return "not comparable"
    if mean is None or interval is None:
        return None
    if published in interval or abs(published - mean) < tolerance:
        return "within"
    return "higher" if mean > published else "lower"


def direction_verdict(delta: float | None, p: float | None, *, lower_is_better: bool) -> Direction | None:
    """How a method changes its base: ``delta`` is method minus base, ``p`` is corrected; None with a single seed."""
    if delta is None or p is None:
        return None
    if p >= SIGNIFICANT:
        return "no difference"
    return "improves" if (delta < 0) == lower_is_better else "hurts"


def agreement(
    ours: Direction | None, published_delta: float | None, *, lower_is_better: bool = False
) -> Agreement | None:
    """Whether our direction agrees with the paper's difference to its base. The paper's tables state no significance:
    any difference but zero counts as an effect, from which our ``no difference`` ``differs``."""
    if ours is None or published_delta is None:
        return None
    better = (published_delta < 0) == lower_is_better
    theirs = "no difference" if published_delta == 0 else "improves" if better else "hurts"
    return "agrees" if ours == theirs else "differs"
