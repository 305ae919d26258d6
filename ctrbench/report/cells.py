"""A cell of a report: one metric of one method in one group, over seeds; and the cells as rows of the CSV."""

from dataclasses import dataclass

from ctrbench.metrics.significance import Interval, PairedDifference
from ctrbench.report.verdicts import Agreement, Direction, Value

NO_BACKBONE = "-"
"""Backbone of a reference row."""

COLUMNS = (
    *("recipe", "dataset", "backbone", "method", "variant", "task", "group", "metric", "seeds", "mean", "std"),
    *("ci_low", "ci_high", "base_delta", "base_p", "published", "value_verdict", "direction_verdict"),
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
    """95 % t-interval of ``mean``: ``ci_low`` and ``ci_high`` of the CSV; the value verdict rests on it."""
    difference: PairedDifference | None = None
    """Method minus base over the seeds that both have; its interval is in the tables for reading and in the JSON, not
    in the CSV. For a metric that is best at 1, the difference of the distances from 1. For a relative metric, the
    metric itself, since the base's value is 0."""
    pairs: int = 0
    """Seeds behind ``difference``."""
    p: float | None = None
    """Holm-corrected p value of the difference."""
    published: float | None = None
    variant: str = ""
    """Variant of the recipe; empty for a recipe without variants, and for a reference row."""
    published_delta: float | None = None
    """The paper's difference to its base."""
    value_verdict: Value | None = None
    """Verdict on the value; None for a single seed and for a reference row."""
    direction: Direction | None = None
    """Verdict on the direction; None for a single seed and for the base."""
    agreement: Agreement | None = None
    """Agreement with the paper's direction; None where nothing comparable is published."""

    @property
    def is_reference(self) -> bool:
        """Whether the cell belongs to a reference row, for which no model was trained."""
        return self.backbone == NO_BACKBONE

    @property
    def direction_verdict(self) -> str | None:
        """Direction and agreement in one: ``improves (differs)``."""
        return f"{self.direction} ({self.agreement})" if self.agreement else self.direction

    @property
    def off_by(self) -> float | None:
        """Our mean minus the published value."""
        return None if self.mean is None or self.published is None else self.mean - self.published

    @property
    def base_delta(self) -> float | None:
        """The difference to the base."""
        return self.difference.delta if self.difference else None

    @property
    def delta_interval(self) -> Interval | None:
        """95 % t-interval of the difference to the base."""
        return self.difference.interval if self.difference else None

    def row(self) -> dict[str, str | int | float | None]:
        """The values of :data:`COLUMNS`."""
        low, high = self.interval or (None, None)
        special = {"ci_low": low, "ci_high": high, "base_p": self.p}
        return {name: special[name] if name in special else getattr(self, name) for name in COLUMNS}
