"""A forest plot: what each method changes against the base in each group, beside the published change."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.report.frame import Frame, Value, stacked
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import cells
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, LIGHT, MARKERS, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = (
    *("dataset", "backbone", "variant", "method", "group", "seeds", "change", "low", "high"),
    *("verdict", "margin", "published", "agreement"),
)
LINE = 0.17
"""Inches between two intervals."""
NARROWEST = 6.5
"""Inches."""
MUTED = "#6E6E6E"
PUBLISHED = "#000000"


class Forest(View):
    """See the module's docstring. A row per method and group; a panel per dataset, backbone and variant."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task.

        Raises:
            NothingToShowError: no method has a finished run beside one of the base.
        """
        found = [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data, metric, task),
                source=frame,
                shown=frame.without_empty_columns(),
                reading=(
                    f"Change of {metric.label} against {data.recipe.base}, paired by seed, with its 95 % interval, "
                    "simultaneous over the methods of a group and the variants that share a base. A diamond is "
                    f"{data.recipe.published_by}'s change. Within the grey band a change does not matter, by the "
                    "dataset's card."
                ),
                draw=draw,
                place={"metric": metric.name, "task": task},
            )
            for metric in self.metrics(data)
            for task in self.tasks(data)
            if (frame := stacked(NAMES, _records(data, metric, task, self.by))).rows
        ]
        if not found:
            base = data.recipe.base
            raise NothingToShowError(f"{data.recipe.name}: no method has a finished run beside one of {base}")
        return found


def _records(data: ReportData, metric: type[Metric], task: str, by: str) -> Iterator[dict[str, Value]]:
    for cell in cells(data, metric.name, by):
        if (cell.metric, cell.task) != (metric.name, task) or cell.base_delta is None:
            continue
        low, high = cell.delta_interval or (None, None)
        comparable = cell.agreement is not None
        yield {
            **{name: getattr(cell, name) for name in ("dataset", "backbone", "variant", "method", "group")},
            "seeds": cell.pairs,
            "change": cell.base_delta,
            "low": low,
            "high": high,
            "verdict": cell.verdict,
            "margin": cell.margin,
            "published": cell.published_delta if comparable else None,
            "agreement": cell.agreement,
        }


def draw(frame: Frame) -> "Figure":
    """The panels side by side; in each, the groups from above to below, and the methods within a group."""
    table = frame.pandas()
    places = list(table.groupby(["dataset", "backbone", "variant"], sort=False))
    methods = list(dict.fromkeys(table["method"]))
    groups = list(dict.fromkeys(table["group"]))
    height = LINE * len(groups) * (len(methods) + 1.5) + 0.9
    figure, grid = panels(1, len(places), width=max(3.4, NARROWEST / len(places)), height=height)
    for axes, ((dataset, backbone, variant), own) in zip(grid[0], places, strict=True):
        _panel(axes, own, methods, groups)
        axes.set_title(", ".join(str(name) for name in (dataset, backbone, variant) if name))
    grid[0][0].set_yticks(
        [_line(methods, place, -1) for place in range(len(groups))], groups, fontweight="bold", fontsize=8
    )
    for axes in grid[0][1:]:
        axes.set_yticks([])
    handles = {
        label: handle for axes in grid[0] for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    grid[0][-1].legend(handles.values(), handles.keys(), loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _line(methods: list[str], group: int, method: int) -> float:
    """The height of a method's interval; -1 is the group's name."""
    return -(group * (len(methods) + 1.5) + method + 1)


def _panel(axes: "Axes", own: "pd.DataFrame", methods: list[str], groups: list[str]) -> None:
    margin = own["margin"].max()
    if margin > 0:
        axes.axvspan(-margin, margin, color=LIGHT, alpha=0.35, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.9)
    for place, method in enumerate(methods):
        part = own[own["method"] == method]
        height = [_line(methods, groups.index(group), place) for group in part["group"]]
        axes.errorbar(
            part["change"],
            height,
            xerr=[part["change"] - part["low"], part["high"] - part["change"]],
            color=COLOURS[place % len(COLOURS)],
            marker=MARKERS[place % len(MARKERS)],
            markersize=4,
            linestyle="none",
            capsize=2,
            elinewidth=1.1,
            label=method,
        )
        if part["published"].notna().any():
            label = "published" if place == len(methods) - 1 else None
            axes.plot(
                part["published"], height, marker="d", markersize=5, markerfacecolor="none",
                markeredgecolor=PUBLISHED, linestyle="none", label=label,
            )  # fmt: skip
    axes.set_ylim(_line(methods, len(groups) - 1, len(methods)), 0.2)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("change")
