"""Verdicts: a value against the published value, a method against its base, and its effect against the paper's.

Source: protocol, "Verdict beside a published value".
"""

from typing import Literal

from ctrbench.metrics.significance import Estimate, Interval

Value = Literal["within", "higher", "lower", "not comparable", "not published"]
Effect = Literal["improves", "hurts", "equivalent", "not shown"]
Agreement = Literal["agrees", "contradicts", "open"]

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


def effect_verdict(difference: Estimate | None, *, margin: float | None, lower_is_better: bool) -> Effect | None:
    """How a method changes its base.

    ``improves`` or ``hurts``: the corrected p is below 0.05. ``equivalent``: two one-sided tests show that the effect
    is smaller than the margin. ``not shown``: neither; an effect of up to :attr:`Estimate.detectable` may be there.

    Args:
        difference: method minus base.
        margin: differences smaller than this do not matter; None where the dataset's card states none.
        lower_is_better: of the metric.

    Returns:
        None without a difference, or with a single seed.
    """
    if difference is None or (p := difference.p) is None:
        return None
    if p < SIGNIFICANT:
        return "improves" if (difference.value < 0) == lower_is_better else "hurts"
    return "equivalent" if margin is not None and difference.lies_within(margin) else "not shown"


def agreement(effect: Effect | None, difference: Estimate | None, published: float | None) -> Agreement | None:
    """Our difference to the base beside the paper's, which is stated without an error.

    ``agrees``: ours is an effect with the paper's sign, whatever its size. ``contradicts``: the paper's difference lies
    outside our interval. ``open``: it lies inside, as 0 does.
    """
    if effect is None or difference is None or published is None:
        return None
    if effect in ("improves", "hurts") and difference.value * published > 0:
        return "agrees"
    return "open" if difference.interval is not None and published in difference.interval else "contradicts"
