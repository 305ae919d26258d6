"""A metric and its difference to the base as records: the cells of the tables, for drawing."""

from dataclasses import dataclass

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.report.cells import Cell
from ctrbench.report.frame import Value
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import cells

Record = dict[str, Value]


@dataclass(frozen=True)
class Names:
    """Columns of a metric's values: ``auc``, ``auc_low``, ``auc_high``, ``gain``, ``gain_low``, ``gain_high``, ``p``.

    ``gain`` is the metric minus the base's, paired by seed; lows and highs are 95 % intervals.
    """

    metric: str

    @property
    def level(self) -> tuple[str, str, str]:
        """Columns of the metric itself."""
        return self.metric, f"{self.metric}_low", f"{self.metric}_high"

    @property
    def all(self) -> tuple[str, ...]:
        """All columns, in their order."""
        return (*self.level, *GAIN, "p")


GAIN = ("gain", "gain_low", "gain_high")


def gains(data: ReportData, metric: type[Metric], by: str, task: str) -> list[tuple[Cell, Record]]:
    """One record per group of the column ``by``, method, variant, backbone and dataset, with its cell.

    Raises:
        NothingToShowError: no finished job of a method beside the base.
        CtrbenchError: as :func:`ctrbench.report.statistics.cells`.
    """
    recipe = data.recipe
    if all(row.key.method == recipe.base for row in data.rows):
        raise NothingToShowError(
            f"{recipe.name}: no finished run of a method beside {recipe.base}; run: {recipe.command('run')}"
        )
    return [
        (cell, _record(cell, Names(metric.name)))
        for cell in cells(data, metric.name, by)
        if not cell.is_reference and (cell.metric, cell.task) == (metric.name, task)
    ]


def _record(cell: Cell, names: Names) -> Record:
    level = (cell.mean, *(cell.interval or (None, None)))
    gain = (cell.base_delta, *(cell.delta_interval or (None, None)))
    return {
        "dataset": cell.dataset,
        "backbone": cell.backbone,
        "variant": cell.variant,
        "method": cell.method,
        "seeds": cell.seeds,
        **dict(zip(names.all, (*level, *gain, cell.p), strict=True)),
    }
