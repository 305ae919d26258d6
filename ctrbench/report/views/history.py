"""A metric on validation rows, look by look, and which look each run keeps."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.report.frame import Frame, Value, stacked
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, MARKERS, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACE = ("dataset", "backbone")
LINE = ("method", "variant")
NAMES = (*PLACE, *LINE, "seed", "look", "epochs", "value", "kept")
COLUMNS = (*PLACE, *LINE, "runs", "kept look", "kept value", "kept on test", "looks")


class History(View):
    """See the module's docstring. A line per method and variant, thin for every seed."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task.

        Raises:
            NothingToShowError: no finished run measured the metric while it trained.
        """
        found = []
        for metric in self.metrics(data):
            for task in self.tasks(data):
                frame = stacked(NAMES, _looks(data, metric, task))
                if not frame.rows:
                    raise NothingToShowError(f"{data.recipe.name}: no finished run looked at {metric.name} of {task}")
                found.append(
                    ViewData(
                        kind=self.spec.kind,
                        title=self.title(data, metric, task),
                        source=frame,
                        shown=stacked(COLUMNS, _kept(data, metric, task)).without_empty_columns(),
                        reading=(
                            f"{metric.label} on validation rows at each look, a line per run; a mark is the look whose "
                            "weights the run keeps. The table has means over the runs."
                        ),
                        draw=partial(draw, metric=metric),
                        place={"metric": metric.name, "task": task},
                    )
                )
        return found


def _looks(data: ReportData, metric: type[Metric], task: str) -> Iterator[dict[str, Value]]:
    for row in data.rows:
        record, looks = row.record, row.record.config.training.looks
        for place, model in enumerate(record.models, 1):
            seed: Value = f"{record.seed}, model {place}" if len(record.models) > 1 else record.seed
            for number, look in enumerate(model.epochs, 1):
                if (value := look.validation.get(task, {}).get(metric.name)) is not None:
                    yield {
                        **row.key.names,
                        "variant": row.key.variant,
                        "seed": seed,
                        "look": number,
                        "epochs": number / looks,
                        "value": value,
                        "kept": number == model.best_epoch,
                    }


def _kept(data: ReportData, metric: type[Metric], task: str) -> Iterator[dict[str, Value]]:
    for key in dict.fromkeys(row.key for row in data.rows):
        records = [row.record for row in data.rows if row.key == key]
        models = [model for record in records for model in record.models]
        kept = [model.kept_look.validation.get(task, {}).get(metric.name) for model in models]
        yield {
            **key.names,
            "variant": key.variant,
            "runs": len(records),
            "kept look": _mean([model.best_epoch for model in models]),
            "kept value": _mean(kept),
            "kept on test": _mean([record.overall(metric.name, task) for record in records]),
            "looks": _mean([len(model.epochs) for model in models]),
        }


def _mean(values: list[float | None] | list[int]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def draw(frame: Frame, *, metric: type[Metric]) -> "Figure":
    """A panel per dataset and backbone."""
    table = frame.pandas()
    places = list(table.groupby(list(PLACE), sort=False))
    figure, grid = panels(1, len(places), width=7.5, height=3.4)
    for axes, (place, own) in zip(grid[0], places, strict=True):
        _panel(axes, own)
        axes.set_title(", ".join(map(str, place)))
        axes.set_xlabel("epochs")
        axes.set_ylabel(f"validation {metric.label}")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def _panel(axes: "Axes", own: "pd.DataFrame") -> None:
    kept, one_method = own[own["kept"]], own["method"].nunique() == 1
    for number, (names, line) in enumerate(own.groupby(list(LINE), sort=False)):
        style = {"color": COLOURS[number % len(COLOURS)], "linestyle": DASHES[number % len(DASHES)]}
        method, variant = map(str, names)
        label: str | None = variant if variant and one_method else ", ".join(filter(None, (method, variant)))
        for _, run in line.groupby("seed", sort=False):
            axes.plot(run["epochs"], run["value"], linewidth=0.9, alpha=0.75, label=label, **style)
            end = run[run["kept"]]
            marker = MARKERS[number % len(MARKERS)]
            axes.plot(end["epochs"], end["value"], marker=marker, linestyle="none", color=style["color"])
            label = None
    # What runs do after they went astray would flatten all that decides; what is kept is always seen.
    best = kept["value"]
    reach = 2.5 * (own[own["look"] == 1]["value"].median() - best.median())
    if reach:
        reached = (best.median() + 0.6 * reach, best.min() - 0.1 * abs(reach), best.max() + 0.1 * abs(reach))
        axes.set_ylim(min(reached), max(reached))
