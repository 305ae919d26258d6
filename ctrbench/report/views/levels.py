"""Mean and spread of a metric for every method and group, with the reference rows below."""

from ctrbench.metrics.base import Metric
from ctrbench.report.cells import Cell
from ctrbench.report.frame import Column, Frame, Level, Value
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.grouped import BETTER, Section, count, groups_of, sections

FORM = ".4f"


class Levels(View):
    """See the module's docstring."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One table for each metric, dataset, backbone and task."""
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.spec.title or f"{metric.label} ({BETTER[metric.direction]})",
                source=_wide(section, metric) if self.spec.layout == "wide" else _long(section, metric),
                reading=f"Mean ± sample standard deviation over seeds. {metric.reading}",
                section=section.title,
                cells_of=(metric.name, self.by),
                place=section.place,
            )
            for metric in self.metrics(data)
            for section in sections(data, metric, self.by, self.tasks(data))
        ]


def _cells(section: Section, metric: type[Metric]) -> list[Cell]:
    return [*section.of(metric.name), *(cell for cell in section.references if cell.metric == metric.name)]


def _named(section: Section, metric: type[Metric]) -> dict[tuple[str, ...], list[Cell]]:
    """Name of a row, with its number of seeds if it differs from the section's -> the row's cells."""
    rows: dict[tuple[str, str], list[Cell]] = {}
    for cell in _cells(section, metric):
        rows.setdefault((cell.variant, cell.method), []).append(cell)
    named = {}
    for own in rows.values():
        *before, last = section.name(own[0])
        seeds = max(cell.seeds for cell in own)
        named[(*before, f"{last}, {count(seeds)}" if 0 < seeds < section.seeds else last)] = own
    return named


def _wide(section: Section, metric: type[Metric]) -> Frame:
    """One row per method, one column per group."""
    named = _named(section, metric)
    groups = groups_of(_cells(section, metric))
    rows = []
    for name, own in named.items():
        values = {(cell.column, cell.group): _level(cell) for cell in own}
        rows.append((*name, *(values.get(group) for group in groups)))
    return Frame((*section.keys(), *(Column(group, FORM) for _, group in groups)), tuple(rows))


def _long(section: Section, metric: type[Metric]) -> Frame:
    """One row per group, one column per method."""
    named = _named(section, metric)
    values = {(name, cell.column, cell.group): _level(cell) for name, own in named.items() for cell in own}
    columns = (Column("group", is_key=True), *(Column(", ".join(name), FORM) for name in named))
    rows = ((group[1], *(values.get((name, *group)) for name in named)) for group in groups_of(_cells(section, metric)))
    return Frame(columns, tuple(rows))


def _level(cell: Cell) -> Value:
    return None if cell.mean is None else Level(cell.mean, cell.std)
