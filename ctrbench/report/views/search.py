"""How the settings of each row were searched: the best trial so far by number of trials, and the winner's lead."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ctrbench.errors import NothingToShowError
from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.report.frame import Frame, Value, stacked
from ctrbench.report.select import ReportData, SearchFacts
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, MARKERS, panels
from ctrbench.store.best_settings import SearchResult

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW = ("dataset", "backbone", "method")
NAMES = (*ROW, "trial", "value", "best so far", "mean over seeds", "objective")
COLUMNS = (
    *(*ROW, "trials", "failed", "found at", "finalists", "seeds", "objective", "winner", "second", "seed spread"),
    *("settings", "on an edge"),
)


class SearchView(View):
    """See the module's docstring. A row per dataset, backbone and method that was searched."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure and table.

        Raises:
            NothingToShowError: no row of the recipe was searched.
        """
        if not data.searched or not data.searched.results:
            raise NothingToShowError(f"{data.recipe.name}: none of its rows was searched")
        searched, found = data.searched, data.searched.results
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=stacked(NAMES, (line for result in found for line in _trials(result))),
                shown=stacked(COLUMNS, (_line(result, searched) for result in found)).without_empty_columns(),
                reading=" ".join((READING, *_unfinished(data.recipe.base, searched))),
                draw=draw,
            )
        ]


READING = (
    "The objective on the search holdout, at the look that the same rows stop. The line is the best of the trials so "
    "far on the first seed, the marks are the finalists' means over all seeds, of which the best wins. Found at: the "
    "trial that is best on the first seed. Second: the mean of the next best finalist. Seed spread: the standard "
    "deviation over seeds, pooled over the finalists; a lead much smaller than it is luck. An edge is the last "
    "twentieth of a setting's range, or the last of the choices that were drawn, where no natural bound ends it."
)


def _metric(result: SearchResult) -> type[Metric]:
    return METRICS.get(result.objective.rpartition(".")[2])


def _trials(result: SearchResult) -> Iterator[dict[str, Value]]:
    goodness = _metric(result).goodness
    best: float | None = None
    for number, trial in enumerate(result.trials, 1):
        best = trial.value if goodness(trial.value) > goodness(best) else best
        yield {
            **result.names,
            "trial": number,
            "value": trial.value,
            "best so far": best,
            "mean over seeds": trial.mean if trial in result.finalists and result.seeds > 1 else None,
            "objective": result.objective,
        }


def _line(result: SearchResult, searched: SearchFacts) -> dict[str, Value]:
    goodness = _metric(result).goodness
    ended = [trial for trial in result.trials if trial.value is not None]
    first = max(ended, key=lambda trial: goodness(trial.value))
    means = sorted((trial.mean for trial in result.finalists), key=goodness, reverse=True)
    return {
        **result.names,
        "trials": len(result.trials),
        "failed": len(result.trials) - len(ended),
        "found at": result.trials.index(first) + 1,
        "finalists": len(result.finalists),
        "seeds": result.seeds,
        "objective": result.objective,
        "winner": result.value,
        "second": means[1] if len(means) > 1 else None,
        "seed spread": _spread(result),
        "settings": ", ".join(f"{path.rpartition('.')[2]} {value}" for path, value in result.settings.items()),
        "on an edge": ", ".join(path.rpartition(".")[2] for path in searched.edges_of(result)),
    }


def _spread(result: SearchResult) -> float | None:
    """Standard deviation over the seeds, pooled over the finalists."""
    whole = [(trial.value, *trial.further) for trial in result.finalists if trial.value is not None and trial.further]
    variances = [np.var(values, ddof=1) for values in whole]
    return float(np.sqrt(np.mean(variances))) if variances else None


def _unfinished(base: str, searched: SearchFacts) -> Iterator[str]:
    """A sentence for each row of the base with a best value on an edge."""
    for result in searched.results:
        if result.method == base and (edges := searched.edges_of(result)):
            names = f"{result.backbone} on {result.dataset}"
            yield f"Not finished: {', '.join(edges)} of {base} {names} lies on an edge; a wider space may hold better."


def draw(frame: Frame) -> "Figure":
    """A panel per dataset and backbone, a line per method."""
    table = frame.pandas()
    places = list(table.groupby(["dataset", "backbone"], sort=False))
    methods = list(dict.fromkeys(table["method"]))
    figure, grid = panels(1, len(places), width=3.8)
    for axes, (place, own) in zip(grid[0], places, strict=True):
        for method, line in own.groupby("method", sort=False):
            _method(axes, line, methods.index(method), str(method))
        axes.set_title(", ".join(map(str, place)))
        axes.set_xlabel("trials")
        axes.set_ylabel(f"{own['objective'].iloc[0]}, search holdout")
        axes.legend(loc="best")
    return figure


def _method(axes: "Axes", line: "pd.DataFrame", place: int, name: str) -> None:
    colour = COLOURS[place % len(COLOURS)]
    axes.step(
        line["trial"],
        line["best so far"],
        where="post",
        color=colour,
        linestyle=DASHES[place % len(DASHES)],
        label=name,
    )
    means = line[line["mean over seeds"].notna()]
    axes.plot(
        means["trial"], means["mean over seeds"], color=colour, marker=MARKERS[place % len(MARKERS)], linestyle="none"
    )
