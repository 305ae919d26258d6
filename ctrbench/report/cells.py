"""A cell of a table, and the cells as rows of the CSV."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctrbench.metrics.significance import Interval, PairedDifference
from ctrbench.report.published import Metric
from ctrbench.report.verdicts import Agreement, Direction, Value

if TYPE_CHECKING:
    import pandas as pd

NO_BACKBONE = "-"
"""Backbone of a reference row."""

COLUMNS = (
    *("recipe", "dataset", "backbone", "method", "variant", "group", "metric", "seeds", "mean", "std"),
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
    group: str
    metric: Metric
    seeds: int
    """Seeds behind ``mean``; for RelaImpr those that the base has too; 0 for a reference row."""
    mean: float | None
    """AUC and NE: mean over seeds. RelaImpr: of the mean AUCs, in percent. None where undefined."""
    std: float | None = None
    """Sample standard deviation over seeds."""
    interval: Interval | None = None
    """95 % t-interval of ``mean``: ``ci_low`` and ``ci_high`` of the CSV, and what the value verdict looks at."""
    difference: PairedDifference | None = None
    """Method minus base over the seeds that both have; its interval is in the tables for reading and in the JSON, not
    in the CSV. RelaImpr: RelaImpr itself, the base's being 0."""
    p: float | None = None
    """p of the difference, Holm-corrected."""
    published: float | None = None
    variant: str = ""
    """Of the recipe's settings; empty where it has one only, and for a reference row."""
    published_delta: float | None = None
    """The paper's difference to its base."""
    value_verdict: Value | None = None
    """None for a single seed and for a reference row."""
    direction: Direction | None = None
    """None for a single seed and for the base."""
    agreement: Agreement | None = None
    """With the sign of ``published_delta``; None where nothing comparable is published."""

    @property
    def direction_verdict(self) -> str | None:
        """Direction and agreement in one: ``improves (differs)``."""
        return f"{self.direction} ({self.agreement})" if self.agreement else self.direction

    def row(self) -> dict[str, str | int | float | None]:
        """The values of :data:`COLUMNS`."""
        values: dict[str, str | int | float | None] = {
            column: getattr(self, column) for column in COLUMNS if hasattr(self, column)
        }
        values["ci_low"], values["ci_high"] = self.interval or (None, None)
        values["base_delta"] = self.difference.delta if self.difference else None
        values["base_p"] = self.p
        return {column: values[column] for column in COLUMNS}


def frame(cells: Sequence[Cell]) -> "pd.DataFrame":
    """The cells as a table with the columns :data:`COLUMNS`; what is undefined is missing."""
    import pandas as pd  # noqa: PLC0415 - slow to import, and only the CSV needs it

    return pd.DataFrame([cell.row() for cell in cells], columns=list(COLUMNS))
