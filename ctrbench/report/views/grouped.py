"""Cells by section: one dataset, backbone and task, with row names that distinguish its models."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ctrbench.metrics.base import Metric
from ctrbench.report.cells import Cell
from ctrbench.report.frame import DASH, Column
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import cells, tasks_of

BETTER = {"higher": "higher is better", "lower": "lower is better", "one": "1 is best"}


@dataclass(frozen=True)
class Section:
    """The cells of one dataset, backbone and task."""

    title: str
    models: tuple[Cell, ...]
    """The models' cells in the metric and, if the metric has one, in its relative form."""
    references: tuple[Cell, ...]
    seeds: int
    """Largest number of seeds of a model."""
    place: dict[str, str]

    def of(self, metric: str) -> list[Cell]:
        """The models' cells in one metric."""
        return [cell for cell in self.models if cell.metric == metric]

    def keys(self) -> tuple[Column, ...]:
        """Headings of a row's name: the method, the variant where all models are of one method, or both."""
        if not any(cell.variant for cell in self.models):
            return (Column("method", is_key=True),)
        if len({cell.method for cell in self.models}) == 1:
            return (Column("variant", is_key=True),)
        return Column("variant", is_key=True), Column("method", is_key=True)

    def name(self, cell: Cell) -> tuple[str, ...]:
        """A row's name, one part for each of :meth:`keys`."""
        keys = self.keys()
        if len(keys) == 2:
            return cell.variant or DASH, cell.method
        return (cell.variant or cell.method,) if keys[0].name == "variant" else (cell.method,)


def sections(data: ReportData, metric: type[Metric], by: str, tasks: Iterable[str]) -> Iterator[Section]:
    """The sections of some tasks in one metric, in the order of the table."""
    several = len(tasks_of(data)) > 1
    for task in tasks:
        found = [cell for cell in cells(data, metric.name, by) if cell.task == task]
        models = [cell for cell in found if not cell.is_reference]
        for dataset, backbone in dict.fromkeys((cell.dataset, cell.backbone) for cell in models):
            own = tuple(cell for cell in models if (cell.dataset, cell.backbone) == (dataset, backbone))
            references = tuple(cell for cell in found if cell.dataset == dataset and cell.is_reference)
            seeds = max(cell.seeds for cell in own)
            parts = [dataset, backbone, *([task] if several else []), count(seeds)]
            place = {"dataset": dataset, "backbone": backbone, "task": task, "metric": metric.name, "by": by}
            yield Section(" · ".join(parts), own, references, seeds, place)


def count(seeds: int) -> str:
    """``1 seed``, ``5 seeds``."""
    return f"{seeds} seed{'s' if seeds != 1 else ''}"


def groups_of(found: Sequence[Cell]) -> list[tuple[str, str]]:
    """Column and group of each cell, in the order of the cells, each once."""
    return list(dict.fromkeys((cell.column, cell.group) for cell in found))
