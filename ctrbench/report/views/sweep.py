"""A metric over the values of a setting that the variants of a recipe change: on validation rows, and by test group."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.metrics.significance import Error, Estimate, Interval
from ctrbench.planning.settings import parse_setting_path, setting
from ctrbench.report.frame import Frame, Value, stacked
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.statistics import cells
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, MARKERS, panels
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACE = ("dataset", "backbone", "method")
NAMES = (*PLACE, "setting", "value", "rows", "seeds", "mean", "low", "high")
VALIDATION = "validation"


class SweepOptions(Strict):
    """Options of the view."""

    settings: tuple[str, ...] = Field(min_length=1)
    """Paths of the settings. A variant belongs to the first of them that it sets."""


class Sweep(View):
    """See the module's docstring. A row per setting, value and group of rows; a line per setting."""

    Options: ClassVar[type[Strict]] = SweepOptions

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task.

        Raises:
            NothingToShowError: no finished run of a variant that sets one of the settings.
        """
        assert isinstance(self.options, SweepOptions)
        paths = self.options.settings
        swept = {variant: path for variant, own in data.recipe.variants.items() for path in paths[::-1] if path in own}
        if not any(row.key.variant in swept for row in data.rows):
            raise NothingToShowError(f"{data.recipe.name}: no finished run of a variant sets {' or '.join(paths)}")
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data, metric, task),
                source=stacked(NAMES, _records(data, swept, metric, task, self.by)),
                reading=(
                    f"{metric.label} at the kept look: on validation rows, and on test rows by group. Bars are 95 % "
                    "intervals, over seeds alone for validation rows."
                ),
                draw=draw,
                place={"metric": metric.name, "task": task},
            )
            for metric in self.metrics(data)
            for task in self.tasks(data)
        ]


def _records(
    data: ReportData, swept: dict[str, str], metric: type[Metric], task: str, by: str
) -> Iterator[dict[str, Value]]:
    """By variant: the validation rows, then every group of the test rows."""
    found = [cell for cell in cells(data, metric.name, by) if (cell.metric, cell.task) == (metric.name, task)]
    for key in dict.fromkeys(row.key for row in data.rows if row.key.variant in swept):
        rows = [row for row in data.rows if row.key == key]
        path = swept[key.variant]
        place = parse_setting_path(path, key, data.defaults)
        value = setting(rows[0].record.config, *place, data.defaults) if place else None
        fixed: dict[str, Value] = {**key.names, "setting": path, "value": value}
        if (judged := _validation(rows, metric, task)) is not None:
            yield fixed | _numbers(VALIDATION, len(rows), judged.value, judged.interval)
        for cell in found:
            if (cell.dataset, cell.backbone, cell.method, cell.variant) == (*key.names.values(), key.variant):
                yield fixed | _numbers(cell.group, cell.seeds, cell.mean, cell.interval)


def _validation(rows: Sequence[ReportRow], metric: type[Metric], task: str) -> Estimate | None:
    """The metric on validation rows at the kept looks; None where training does not measure it."""
    looks = [row.record.kept_look.validation.get(task, {}) for row in rows]
    values = [look.get(metric.name) for look in looks]
    known = np.array([value for value in values if value is not None])
    return Estimate(float(known.mean()), Error.of(known)) if len(known) else None


def _numbers(rows: str, seeds: int, mean: float | None, interval: Interval | None) -> dict[str, Value]:
    low, high = interval or (None, None)
    return {"rows": rows, "seeds": seeds, "mean": mean, "low": low, "high": high}


def draw(frame: Frame) -> "Figure":
    """One line of panels per dataset, backbone and method, one panel per group of rows."""
    table = frame.pandas()
    places = list(table.groupby(list(PLACE), sort=False))
    groups = list(dict.fromkeys(table["rows"]))
    figure, grid = panels(len(places), len(groups), width=2.7)
    for line, (place, own) in zip(grid, places, strict=True):
        for axes, group in zip(line, groups, strict=True):
            _panel(axes, own[own["rows"] == group])
            axes.set_title(group if len(places) == 1 else f"{', '.join(map(str, place))}: {group}")
        line[0].legend(loc="best")
    return figure


def _panel(axes: "Axes", own: "pd.DataFrame") -> None:
    for number, (path, line) in enumerate(own.groupby("setting", sort=False)):
        ordered = line.sort_values("value")
        axes.errorbar(
            ordered["value"],
            ordered["mean"],
            np.stack([ordered["mean"] - ordered["low"], ordered["high"] - ordered["mean"]]),
            color=COLOURS[number],
            marker=MARKERS[number],
            linestyle=DASHES[number],
            capsize=2,
            elinewidth=0.9,
            label=str(path).rpartition(".")[2],
        )
    if (own["value"] > 0).all():
        axes.set_xscale("log")
    axes.set_xlabel("value")
