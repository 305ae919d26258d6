"""What each method changes against the base: difference, interval, p and verdict, by group."""

from ctrbench.metrics.base import Metric
from ctrbench.report.frame import Column, Frame, Value
from ctrbench.report.select import ReportData
from ctrbench.report.verdicts import SIGNIFICANT
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.grouped import Section, groups_of, sections


class Changes(View):
    """See the module's docstring. One row per method and group; in the long layout sorted by group."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One table for each metric, dataset, backbone and task with a method beside the base."""
        base = data.recipe.base
        found = []
        for metric in self.metrics(data):
            subject = f"{metric.label}, distance from 1," if metric.direction == "one" else metric.label
            for section in sections(data, metric, self.by, self.tasks(data)):
                frame = _frame(section, metric, base, by_group=self.spec.layout == "long")
                if frame.rows:
                    found.append(
                        ViewData(
                            kind=self.spec.kind,
                            title=self.spec.title or f"{subject} against {base}",
                            source=frame.without_empty_columns(),
                            reading=_reading(metric, base),
                            section=section.title,
                            cells_of=(metric.name, self.by),
                            place=section.place,
                        )
                    )
        return found


def _frame(section: Section, metric: type[Metric], base: str, *, by_group: bool) -> Frame:
    relative = metric.relative
    gains = {
        (cell.variant, cell.method, cell.column, cell.group): cell.mean
        for cell in section.models
        if relative and cell.metric == relative.name
    }
    own = [cell for cell in section.of(metric.name) if cell.method != base]
    if by_group:
        order = groups_of(own)
        own.sort(key=lambda cell: order.index((cell.column, cell.group)))
    rows: list[tuple[Value, ...]] = [
        (
            *section.name(cell),
            cell.group,
            *([gains[cell.variant, cell.method, cell.column, cell.group]] if relative else []),
            cell.base_delta,
            cell.delta_interval,
            cell.p,
            cell.verdict,
            cell.detectable,
        )
        for cell in own
    ]
    columns = (
        *section.keys(),
        Column("group", is_key=True),
        *([Column(relative.label, "+.2f", " %" if relative.unit == "percent" else "")] if relative else []),
        Column("change", "+.4f"),
        Column("95 % interval", "+.4f"),
        Column("p", ".3f", is_probability=True),
        Column("verdict"),
        Column("detectable", ".4f"),
    )
    return Frame(columns, tuple(rows))


def _reading(metric: type[Metric], base: str) -> str:
    what = "the distance from 1" if metric.direction == "one" else metric.label
    return (
        f"A change is the difference in {what} to {base}, paired by seed. Its 95 % interval and p hold for all methods "
        f"of a group, and all variants that leave {base} as it is, together (Bonferroni): where p < {SIGNIFICANT} a "
        "method improves or hurts, else it is equivalent where the change is shown to be within the margin of the "
        "dataset's card. Where neither is shown, the smallest effect that would be found with a probability of 80 % is "
        "given as detectable."
    )
