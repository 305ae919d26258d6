"""What a method adds to the base's metric in each group of a column; by click length, it tests AQCL's section 4.3."""

from functools import partial
from typing import TYPE_CHECKING

from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.report.frame import Frame, Value, stacked
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.gains import GAIN, Names, gains
from ctrbench.report.views.style import intervals, legend_above, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {"click_length": "click length L (clicks)"}
"""Column -> label of its axis; any other column is labelled with its name."""


class GainByColumn(View):
    """See the module's docstring."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task: a row per dataset, backbone, method and group; the base has no row."""
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data, metric, task),
                source=self._frame(data, metric, task),
                reading=(
                    f"Groups of {self.by}, in the order of its values; bars are 95 % intervals of the difference, "
                    "paired by seed, not corrected for the number of groups."
                ),
                draw=partial(draw, metric=metric, by=self.by),
                place={"metric": metric.name, "task": task, "by": self.by},
            )
            for metric in self.metrics(data)
            for task in self.tasks(data)
        ]

    def _frame(self, data: ReportData, metric: type[Metric], task: str) -> Frame:
        found = gains(data, metric, self.by, task)
        variant = ["variant"] if any(cell.variant for cell, _ in found) else []
        columns = ("dataset", "backbone", "base", *variant, "method", self.by, "rows", "seeds", *Names(metric.name).all)
        rows = _rows(data, self.by, task)
        own: dict[str, Value] = {"base": data.recipe.base}
        return stacked(
            columns,
            (
                record | own | {self.by: cell.group, "rows": rows[cell.dataset, cell.group]}
                for cell, record in found
                if cell.method != data.recipe.base and cell.column == self.by != OVERALL
            ),
        )


def _rows(data: ReportData, by: str, task: str) -> dict[tuple[str, str], int]:
    """Dataset and group of a column -> its test rows."""
    found: dict[tuple[str, str], int] = {}
    for row in data.rows:
        if metrics := row.record.tasks.get(task):
            groups = row.facts.groups.get(metrics.definition, {}).get(by)
            sizes = zip(groups.names, groups.rows, strict=True) if groups else ()
            found = {(row.key.dataset, name): count for name, count in sizes} | found
    return found


def draw(frame: Frame, *, metric: type[Metric], by: str) -> "Figure":
    """One panel per dataset and backbone."""
    places = list(frame.pandas().groupby(["dataset", "backbone"], sort=False))
    figure, grid = panels(1, len(places), width=max(3.6, 5.2 / len(places)), height=3.2)
    for axes, ((dataset, backbone), own) in zip(grid[0], places, strict=True):
        _panel(axes, own, by)
        axes.set_title(f"{dataset}, {backbone}")
    grid[0, 0].set_ylabel(f"{metric.label} minus that of {frame.column('base')[0]}")
    return figure


def _panel(axes: "Axes", own: "pd.DataFrame", by: str) -> None:
    groups = list(dict.fromkeys(own[by]))
    names = own["method"] + (", " + own["variant"] if "variant" in own else "")
    axes.axhline(0, color="#404040", linewidth=0.9)
    for place, name in enumerate(models := list(dict.fromkeys(names))):
        part = own[names == name]
        x = [groups.index(group) + 0.16 * (place - (len(models) - 1) / 2) for group in part[by]]
        intervals(axes, x, part[list(GAIN)], place, name)
    axes.set_xticks(range(len(groups)), [name.removeprefix("L ") for name in groups], rotation=45, ha="right")
    axes.set_xlabel(LABELS.get(by, by))
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(groups) - 0.4)
    legend_above(axes)
