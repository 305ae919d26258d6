"""What a method changes against the base on simulated data, and the share of the way to the oracle that it closes.

The oracle knows the true probabilities: no model ranks or predicts better, but for chance. A recipe on several worlds
of one simulator (``NAME@KEY=VALUE``) has a column for each key by which its worlds differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.metrics.significance import Interval
from ctrbench.places import card_name
from ctrbench.report.cells import Cell
from ctrbench.report.frame import Column, Frame, Value
from ctrbench.report.select import ReportData
from ctrbench.report.statistics import REFERENCES, cells
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import intervals, legend_above, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ON_CARD = "as on the card"
"""Label of a world that changes nothing that another world of the recipe changes."""
CHANGE = ("change", "change_low", "change_high")
CLOSED = ("closed", "closed_low", "closed_high")


class OracleGap(View):
    """See the module's docstring. A row per dataset, variant, method and group; a panel per group."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task; none for a metric that is best at 1, whose distance from it has no ceiling.

        Raises:
            NothingToShowError: no method has a finished run beside one of the base on data with an oracle.
        """
        worlds = factors([row.key.dataset for row in data.rows])
        found = [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data, metric, task),
                source=frame,
                shown=frame.without_empty_columns(),
                reading=_reading(metric, data.recipe.base),
                draw=partial(draw, metric=metric, keys=list(next(iter(worlds.values())))),
                place={"metric": metric.name, "task": task, "by": self.by},
            )
            for metric in self.metrics(data)
            for task in self.tasks(data)
            if metric.direction != "one" and (frame := _frame(data, metric, task, self.by, worlds)).rows
        ]
        if not found:
            base = data.recipe.base
            raise NothingToShowError(
                f"{data.recipe.name}: no method has a finished run beside one of {base} on simulated data"
            )
        return found


def factors(datasets: Sequence[str]) -> dict[str, dict[str, str]]:
    """Dataset -> key -> value, for the keys of which the datasets have different values.

    A key is the last part of a change's path. A dataset that does not change it has the text :data:`ON_CARD`.
    """
    changes = {name: dict(each.split("=", 1) for each in name.split("@")[1:]) for name in dict.fromkeys(datasets)}
    paths = dict.fromkeys(path for own in changes.values() for path in own)
    varied = [path for path in paths if len({own.get(path) for own in changes.values()}) > 1]
    return {name: {path.rpartition(".")[2]: own.get(path, ON_CARD) for path in varied} for name, own in changes.items()}


def _reading(metric: type[Metric], base: str) -> str:
    return (
        f"A change is the difference in {metric.label} to {base}, paired by seed, with its 95 % interval, simultaneous "
        "over the methods of a group and the variants that share a base. Closed is the change as a share of the "
        f"oracle's distance from {base}, which counts as known: 100 % would be the oracle, below 0 a method leads away "
        "from it."
    )


def _frame(data: ReportData, metric: type[Metric], task: str, by: str, worlds: Mapping[str, dict[str, str]]) -> Frame:
    keys = list(next(iter(worlds.values()), {}))
    columns = (
        Column("dataset", is_key=True),
        *(Column(key, is_key=True) for key in keys),
        *(Column(name, is_key=True) for name in ("backbone", "variant", "method", "group")),
        Column("seeds"),
        Column("base", ".4f"),
        Column("oracle", ".4f"),
        *(Column(name, "+.4f") for name in CHANGE),
        *(Column(name, "+.1f", " %") for name in CLOSED),
        Column("verdict"),
    )
    rows = tuple(
        (cell.dataset, *worlds[cell.dataset].values(), cell.backbone, cell.variant, cell.method, cell.group, *numbers)
        for cell, numbers in _records(data, metric, task, by)
    )
    return Frame(columns, rows)


def _records(data: ReportData, metric: type[Metric], task: str, by: str) -> Iterator[tuple[Cell, tuple[Value, ...]]]:
    """Each change with its numbers."""
    own = [cell for cell in cells(data, metric.name, by) if (cell.metric, cell.task) == (metric.name, task)]
    oracle = {(cell.dataset, cell.column, cell.group): cell.mean for cell in own if cell.method == REFERENCES["oracle"]}
    base = {
        (cell.dataset, cell.backbone, cell.variant, cell.column, cell.group): cell.mean
        for cell in own
        if cell.method == data.recipe.base
    }
    for cell in own:
        best = oracle.get((cell.dataset, cell.column, cell.group))
        start = base.get((cell.dataset, cell.backbone, cell.variant, cell.column, cell.group))
        if cell.base_delta is None or best is None or start is None:
            continue
        low, high = cell.delta_interval or (None, None)
        better = metric.goodness(best) > metric.goodness(start)
        closed = _closed(cell.base_delta, cell.delta_interval, best - start if better else 0.0)
        yield cell, (cell.pairs, start, best, cell.base_delta, low, high, *closed, cell.verdict)


def _closed(change: float, interval: Interval | None, gap: float) -> tuple[float | None, float | None, float | None]:
    """The change and its interval as percentages of the gap; None where the oracle is no better than the base."""
    if gap == 0:
        return None, None, None
    ends = sorted(100 * end / gap for end in interval) if interval else [None, None]
    return 100 * change / gap, ends[0], ends[1]


def draw(frame: Frame, *, metric: type[Metric], keys: list[str]) -> "Figure":
    """The changes on the left and the shares on the right, a line of panels per group; along a panel, the worlds."""
    table = frame.pandas()
    groups = list(dict.fromkeys(table["group"]))
    table["world"] = [_label(record, keys) for record in frame.records()]
    table["name"] = [", ".join(filter(None, names)) for names in zip(table["method"], table["variant"], strict=True)]
    figure, grid = panels(len(groups), 2, width=max(3.6, 1.1 * table["world"].nunique()))
    for line, group in zip(grid, groups, strict=True):
        own = table[table["group"] == group]
        for axes, columns in zip(line, (CHANGE, CLOSED), strict=True):
            _panel(axes, own, list(columns))
        line[0].set_title(str(group))
        line[0].set_ylabel(f"change of {metric.label}")
        line[1].set_ylabel("% of the way to the oracle")
    return figure


def _label(record: Mapping[str, Value], keys: Sequence[str]) -> str:
    """A world by what it changes, one change a line."""
    if not keys:
        return card_name(str(record["dataset"]))
    changed = [f"{key} {record[key]}" for key in keys if record[key] != ON_CARD]
    return "\n".join(changed) or ON_CARD


def _panel(axes: "Axes", own: "pd.DataFrame", columns: list[str]) -> None:
    axes.axhline(0, color="#404040", linewidth=0.9)
    worlds, names = list(dict.fromkeys(own["world"])), list(dict.fromkeys(own["name"]))
    for place, name in enumerate(names):
        part = own[own["name"] == name]
        x = [worlds.index(world) + 0.16 * (place - (len(names) - 1) / 2) for world in part["world"]]
        intervals(axes, x, part[columns].astype(np.float64), place, name)
    axes.set_xticks(range(len(worlds)), worlds, fontsize=7)
    axes.set_xlim(-0.6, len(worlds) - 0.4)
    axes.grid(visible=False, axis="x")
    legend_above(axes)
