"""A metric beside the published values."""

from ctrbench.metrics.base import Metric
from ctrbench.recipe.recipe import Recipe
from ctrbench.report.frame import Column, Frame
from ctrbench.report.select import ReportData
from ctrbench.report.sentences import told
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.grouped import Section, groups_of, sections


class BesidePaper(View):
    """See the module's docstring. One row per published value; in the long layout sorted by group."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One table for each metric, dataset, backbone and task that has a published value."""
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.spec.title or f"{metric.label} beside {data.recipe.published_by}",
                source=frame.without_empty_columns(),
                reading=" ".join(
                    [_reading(metric, data.recipe), *told(section.of(metric.name), data.recipe.published_by)]
                ),
                section=section.title,
                cells_of=(metric.name, self.by),
                place=section.place,
            )
            for metric in self.metrics(data)
            for section in sections(data, metric, self.by, self.tasks(data))
            if (frame := _frame(section, metric, data.recipe.publisher, by_group=self.spec.layout == "long")).rows
        ]


def _frame(section: Section, metric: type[Metric], publisher: str, *, by_group: bool) -> Frame:
    own = [cell for cell in section.of(metric.name) if cell.published is not None]
    if by_group:
        order = groups_of(own)
        own.sort(key=lambda cell: order.index((cell.column, cell.group)))
    columns = (
        *section.keys(),
        Column("group", is_key=True),
        Column(metric.label, ".4f"),
        Column("95 % interval", ".4f"),
        Column(publisher, ".4f"),
        Column("off by", "+.4f"),
        Column(f"{metric.label} is"),
        Column("its change", "+.4f"),
        Column("beside ours"),
    )
    rows = (
        (
            *section.name(cell),
            cell.group,
            cell.mean,
            cell.interval,
            cell.published,
            cell.off_by,
            cell.value_verdict,
            cell.published_delta,
            cell.agreement,
        )
        for cell in own
    )
    return Frame(columns, tuple(rows))


def _reading(metric: type[Metric], recipe: Recipe) -> str:
    close = f" or is nearer to ours than {metric.tolerance:g}" if metric.tolerance else ""
    by = recipe.published_by
    return (
        f"Ours is within if {by}'s value lies in our 95 % interval{close}, else higher or lower. A change is the "
        f"difference to {recipe.base}, {by}'s to its own; {by}'s agrees if ours is shown and has its sign, "
        "contradicts ours if it lies outside our interval, and is open if it lies inside."
    )
