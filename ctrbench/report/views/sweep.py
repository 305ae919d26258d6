"""A metric over the values of a setting that the variants of a recipe change: on validation rows, and by test group."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.metrics.significance import Error, Estimate, Interval
from ctrbench.planning.settings import parse_setting_path, setting
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.frame import Frame, Value, stacked
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.statistics import cells
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, LIGHT, MARKERS, panels
from ctrbench.store.identity import Section
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MODEL = ("dataset", "backbone")
PLACE = (*MODEL, "method")
NAMES = (*PLACE, "setting", "value", "rows", "seeds", "mean", "low", "high")
VALIDATION = "validation"
LEVEL = "#404040"


class SweepOptions(Strict):
    """Options of the view."""

    settings: tuple[str, ...] = Field(min_length=1)
    """Paths of the settings. A variant belongs to the first of them that it sets."""


class Sweep(View):
    """See the module's docstring. A row per setting, value and group of rows; a line per setting.

    A method without the settings, such as the base of a recipe that varies another method's, has a row per group of
    rows without a setting and a value, and a level across the panels of its backbone.
    """

    Options: ClassVar[type[Strict]] = SweepOptions

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task.

        Raises:
            NothingToShowError: no finished run of a variant that sets one of the settings.
        """
        assert isinstance(self.options, SweepOptions)
        paths = self.options.settings
        swept = {variant: path for variant, own in data.recipe.variants.items() for path in paths[::-1] if path in own}
        if not any(_place(data, row.key, swept) for row in data.rows):
            raise NothingToShowError(f"{data.recipe.name}: no finished run of a variant sets {' or '.join(paths)}")
        return [self._view(data, swept, metric, task) for metric in self.metrics(data) for task in self.tasks(data)]

    def _view(self, data: ReportData, swept: Mapping[str, str], metric: type[Metric], task: str) -> ViewData:
        frame = stacked(NAMES, _records(data, swept, metric, task, self.by))
        reading = (
            f"{metric.label} at the kept look: on validation rows, and on test rows by group. Bars are 95 % intervals, "
            "over seeds alone for validation rows."
        )
        if None in frame.column("setting"):
            reading += " A line across, with its interval as a band, is a method that has none of the settings."
        return ViewData(
            kind=self.spec.kind,
            title=self.title(data, metric, task),
            source=frame,
            reading=reading,
            draw=draw,
            place={"metric": metric.name, "task": task},
        )


def _place(data: ReportData, key: RowKey, swept: Mapping[str, str]) -> tuple[Section, str] | None:
    """Section and key of the setting that a row's variant sweeps; None where the row has no such setting."""
    return parse_setting_path(swept[key.variant], key, data.defaults) if key.variant in swept else None


def _keys(data: ReportData, swept: Mapping[str, str]) -> list[RowKey]:
    """The rows to show. A method without the settings runs alike with all variants: the first of them stands for it."""
    keys = dict.fromkeys(row.key for row in data.rows if row.key.variant in swept)
    found = {(*key.names.values(), key.variant if _place(data, key, swept) else ""): key for key in reversed(keys)}
    return [key for key in keys if key in found.values()]


def _records(
    data: ReportData, swept: Mapping[str, str], metric: type[Metric], task: str, by: str
) -> Iterator[dict[str, Value]]:
    """By variant: the validation rows, then every group of the test rows."""
    found = [cell for cell in cells(data, metric.name, by) if (cell.metric, cell.task) == (metric.name, task)]
    for key in _keys(data, swept):
        rows = [row for row in data.rows if row.key == key]
        fixed: dict[str, Value] = {**key.names, "setting": None, "value": None}
        if place := _place(data, key, swept):
            fixed |= {"setting": swept[key.variant], "value": setting(rows[0].record.config, *place, data.defaults)}
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
    """One line of panels per dataset, backbone and method that has a setting, one panel per group of rows."""
    table = frame.pandas()
    swept, levels = table[table["setting"].notna()], table[table["setting"].isna()]
    places = list(swept.groupby(list(PLACE), sort=False))
    groups = list(dict.fromkeys(table["rows"]))
    figure, grid = panels(len(places), len(groups), width=2.7)
    for line, (place, own) in zip(grid, places, strict=True):
        beside = levels[(levels[list(MODEL)] == list(place[: len(MODEL)])).all(axis=1)]
        for axes, group in zip(line, groups, strict=True):
            _levels(axes, beside[beside["rows"] == group])
            _panel(axes, own[own["rows"] == group])
            axes.set_title(group if len(places) == 1 else f"{', '.join(map(str, place))}: {group}")
        line[0].legend(loc="best")
    return figure


def _levels(axes: "Axes", methods: "pd.DataFrame") -> None:
    levels = methods[["mean", "low", "high"]].to_numpy(np.float64)
    for number, (name, (mean, low, high)) in enumerate(zip(methods["method"], levels, strict=True), 1):
        if not np.isnan(low):  # more than one seed
            axes.axhspan(low, high, facecolor=LIGHT, alpha=0.5, linewidth=0)
        axes.axhline(mean, color=LEVEL, linestyle=DASHES[number % len(DASHES)], label=name)


def _panel(axes: "Axes", own: "pd.DataFrame") -> None:
    names = [str(path).rpartition(".")[2] for path in dict.fromkeys(own["setting"])]
    for number, (_, line) in enumerate(own.groupby("setting", sort=False)):
        ordered = line.sort_values("value")
        axes.errorbar(
            ordered["value"],
            ordered["mean"],
            np.stack([ordered["mean"] - ordered["low"], ordered["high"] - ordered["mean"]]),
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            linestyle=DASHES[number % len(DASHES)],
            capsize=2,
            elinewidth=0.9,
            label=names[number],
        )
    if (own["value"] > 0).all():
        axes.set_xscale("log")
    axes.set_xlabel(names[0] if len(names) == 1 else "value")
