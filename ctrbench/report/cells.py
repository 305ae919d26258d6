"""A cell of a report: one metric of one method in one group, over seeds; and the cells as rows of the CSV."""

import math
from dataclasses import dataclass

from ctrbench.metrics.significance import Estimate, Interval
from ctrbench.report.verdicts import Agreement, Effect, Value

NO_BACKBONE = "-"
"""Backbone of a reference row."""

COLUMNS = (
    *("recipe", "dataset", "backbone", "method", "variant", "task", "group", "metric", "seeds", "mean", "std"),
    *("ci_low", "ci_high", "base_delta", "delta_low", "delta_high", "delta_error_training", "delta_error_users"),
    *("base_p", "margin", "detectable", "published", "published_delta", "value_verdict", "effect", "agreement"),
    "seeds_to_decide",
)
"""Columns of the CSV, one row per cell."""


@dataclass(frozen=True)
class Cell:
    """One metric of one method in one group, over seeds."""

    recipe: str
    dataset: str
    backbone: str
    method: str
    task: str
    column: str
    """The column that the group belongs to; ``overall`` for all rows."""
    group: str
    metric: str
    """A registered metric, or the relative form of one, such as ``relaimpr``."""
    seeds: int
    """Seeds behind ``mean``; for a relative metric, those that the base has too; 0 for a reference row."""
    mean: float | None
    """Mean over seeds; for a relative metric, its value for the means. None where undefined."""
    std: float | None = None
    """Sample standard deviation over seeds."""
    interval: Interval | None = None
    """95 % interval of ``mean``, over seeds and users: ``ci_low`` and ``ci_high`` of the CSV; the value verdict rests
    on it."""
    difference: Estimate | None = None
    """Method minus base over the seeds that both have. For a metric that is best at 1, the difference of the distances
    from 1. For a relative metric, the metric itself, since the base's value is 0."""
    pairs: int = 0
    """Seeds behind ``difference``."""
    margin: float | None = None
    """Differences below this do not matter, by the dataset's card."""
    published: float | None = None
    variant: str = ""
    """Variant of the recipe; empty for a recipe without variants, and for a reference row."""
    published_delta: float | None = None
    """The paper's difference to its base."""
    value_verdict: Value | None = None
    """Verdict on the value; None for a single seed and for a reference row."""
    effect: Effect | None = None
    """Verdict on the difference to the base; None for a single seed and for the base."""
    agreement: Agreement | None = None
    """The paper's difference beside ours; None where nothing comparable is published."""

    @property
    def is_reference(self) -> bool:
        """Whether the cell belongs to a reference row, for which no model was trained."""
        return self.backbone == NO_BACKBONE

    @property
    def verdict(self) -> str | None:
        """The effect in words: ``improves, within the margin`` is an effect too small to matter."""
        small = self.margin is not None and self.difference is not None and self.difference.lies_within(self.margin)
        return f"{self.effect}, within the margin" if small and self.effect in ("improves", "hurts") else self.effect

    @property
    def off_by(self) -> float | None:
        """Our mean minus the published value."""
        return None if self.mean is None or self.published is None else self.mean - self.published

    @property
    def base_delta(self) -> float | None:
        """The difference to the base."""
        return self.difference.value if self.difference else None

    @property
    def delta_interval(self) -> Interval | None:
        """95 % interval of the difference to the base, simultaneous over its family
        (:func:`ctrbench.report.families.comparisons`)."""
        return self.difference.interval if self.difference else None

    @property
    def p(self) -> float | None:
        """p of the difference, corrected for its family."""
        return self.difference.p if self.difference else None

    @property
    def detectable(self) -> float | None:
        """The smallest effect that these seeds and users would find, where none was shown."""
        return self.difference.detectable if self.difference and self.effect == "not shown" else None

    @property
    def seeds_to_decide(self) -> int | None:
        """Where the paper's effect is open: the seeds with which the interval could not hold both it and 0; None where
        no number of seeds would do."""
        if self.agreement != "open" or not self.difference or not self.published_delta:
            return None
        return self.difference.seeds_to_separate(self.published_delta)

    def row(self) -> dict[str, str | int | float | None]:
        """The values of :data:`COLUMNS`."""
        low, high = self.interval or (None, None)
        delta_low, delta_high = self.delta_interval or (None, None)
        error = self.difference.error if self.difference else None
        special = {
            "ci_low": low,
            "ci_high": high,
            "delta_low": delta_low,
            "delta_high": delta_high,
            "delta_error_training": None if error is None else math.sqrt(error.of_training),
            "delta_error_users": None if error is None or error.of_users is None else math.sqrt(error.of_users),
            "base_p": self.p,
            "effect": self.verdict,
        }
        return {name: special[name] if name in special else getattr(self, name) for name in COLUMNS}
