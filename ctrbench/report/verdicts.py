"""What a cell says beside the published value, and a method beside its base."""

from typing import Literal

from ctrbench.metrics.significance import Interval

Value = Literal["within", "higher", "lower", "not comparable", "not published"]
Direction = Literal["improves", "hurts", "no difference"]
Agreement = Literal["agrees", "differs"]

SIGNIFICANT = 0.05
"""A corrected p below this is an effect."""

CLOSE_AUC = 0.005
"""An AUC nearer than this to the published one is ``within``, however narrow our interval."""


def value_verdict(
    mean: float | None, interval: Interval | None, published: float | None, *, close: float, comparable: bool
) -> Value | None:
    """Where our mean lies seen from the published value: ``higher`` is ours above the paper's.

    Args:
        mean: Over seeds; None where the metric is undefined.
        interval: 95 %, of that mean; None with a single seed, which gets no verdict.
        published: The paper's value.
        close: A smaller difference than this is ``within`` too; 0 where only the interval decides.
        comparable: The paper's value belongs to the same data and protocol.
    """
    if published is None:
        return "not published"
    if not comparable:
        return "not comparable"
    if mean is None or interval is None:
        return None
    if published in interval or abs(published - mean) < close:
        return "within"
    return "higher" if mean > published else "lower"


def direction_verdict(delta: float | None, p: float | None, *, lower_is_better: bool) -> Direction | None:
    """What a method does to its base: ``delta`` is method minus base, ``p`` corrected; None with a single seed."""
    if delta is None or p is None:
        return None
    if p >= SIGNIFICANT:
        return "no difference"
    return "improves" if (delta < 0) == lower_is_better else "hurts"


def agreement(ours: Direction | None, published_delta: float | None) -> Agreement | None:
    """Whether our direction is the sign of the paper's AUC difference to its base. Its tables state no significance,
    so any difference but zero is an effect, and our ``no difference`` beside it ``differs``."""
    if ours is None or published_delta is None:
        return None
    theirs = "no difference" if published_delta == 0 else "improves" if published_delta > 0 else "hurts"
    return "agrees" if ours == theirs else "differs"
