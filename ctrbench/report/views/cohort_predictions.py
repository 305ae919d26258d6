"""What a baseline predicts for the head and the tail of each axis: C2AL, figure 3.

Source: Cokbas et al., arXiv 2510.02215, stage 1. All of it is read from the recipe's files of cohorts.

Shape: N bins of the log prediction.
"""

from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import NothingToShowError
from ctrbench.recipe.cohort_file import FoundCohorts, FoundPair
from ctrbench.report.frame import Column, Frame, Value
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import Needs, View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, legend_above, panels
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACE = ("dataset", "axis", "rows", "cohort")
NAMES = (*PLACE, "from", "to", "density")
COLUMNS = (
    *(Column(name, is_key=True) for name in PLACE),
    *(Column("share", ".1f", " %"), Column("positives", ".2f", " %"), Column("mean log prediction", ".3f")),
    *(Column("divergence", ".4f"), Column("shuffled", ".4f")),
)
PER_ROW = 2
"""Most panels side by side."""


class CohortPredictionsOptions(Strict):
    """Options of the view."""

    pair: str = "divergent"
    """Which pair of each axis: ``divergent``, ``least`` or ``random``."""


class CohortPredictions(View):
    """See the module's docstring. Needs no run: the files of cohorts hold what it shows."""

    needs: ClassVar[Needs] = "nothing"
    Options = CohortPredictionsOptions
    options: CohortPredictionsOptions

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per dataset, axis, cohort and bin; for reading, one per cohort.

        Raises:
            NothingToShowError: the recipe's files of cohorts have no such pair, or no predictions.
        """
        recipe = data.recipe
        found = [
            (axis, pair)
            for axis in recipe.cohorts
            if axis.dataset in recipe.datasets and (pair := axis.pair(self.options.pair))
        ]
        drawn = [(axis, pair) for axis, pair in found if axis.log_predictions]
        if not drawn:
            missing = "predictions; find them again with" if found else f"pair {self.options.pair!r}; see"
            raise NothingToShowError(f"{recipe.name}: its files of cohorts have no {missing} ctrbench cohorts")
        rows = [row for axis, pair in drawn for row in lines_of(axis, pair).rows]
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=Frame.of(NAMES, rows),
                shown=Frame(COLUMNS, tuple(row for axis, pair in drawn for row in _facts(axis, pair))),
                reading=(
                    "Log of what the plain baseline predicts for the rows of two cohorts of an axis, on the search "
                    "holdout, which it was not trained on; the outermost bins hold what lies beyond. Shuffled: the "
                    "mean divergence where cohorts are drawn at random."
                ),
                draw=draw,
            )
        ]


def lines_of(axis: FoundCohorts, pair: FoundPair) -> Frame:
    """The density of head and tail in each bin (2 N rows)."""
    edges = _edges(axis, pair)
    rows: list[tuple[Value, ...]] = []
    for name, cohort in (("head", pair.head), ("tail", pair.tail)):
        counts = np.array(cohort.predictions)
        density = counts / counts.sum() / np.diff(edges)
        place = axis.dataset, axis.axis, name, cohort.name
        rows += [
            (*place, *values) for values in zip(edges[:-1].tolist(), edges[1:].tolist(), density.tolist(), strict=True)
        ]
    return Frame.of(NAMES, rows)


def _edges(axis: FoundCohorts, pair: FoundPair) -> NDArray[np.float64]:
    """Ends (N + 1,) of the bins of log predictions."""
    low, high = axis.log_predictions
    return np.linspace(low, high, len(pair.head.predictions) + 1)


def _facts(axis: FoundCohorts, pair: FoundPair) -> list[tuple[Value, ...]]:
    edges = _edges(axis, pair)
    centres = (edges[1:] + edges[:-1]) / 2
    return [
        (
            *(axis.dataset, axis.axis, name, cohort.name, 100 * cohort.share, 100 * cohort.positive_ratio),
            float(np.average(centres, weights=cohort.predictions)),
            *(pair.divergence, pair.null),
        )
        for name, cohort in (("head", pair.head), ("tail", pair.tail))
    ]


def draw(frame: Frame) -> "Figure":
    """A panel per dataset and axis."""
    places = list(frame.pandas().groupby(["dataset", "axis"], sort=False))
    columns = min(len(places), PER_ROW)
    figure, _ = panels(-(-len(places) // columns), columns, width=4.2, height=3.1)
    for axes, ((dataset, axis), own) in zip(figure.axes, places, strict=False):
        draw_pair(axes, own)
        axes.set_title(f"{axis}\n{dataset}", fontsize=8)
    for axes in figure.axes[len(places) :]:
        axes.set_visible(False)
    return figure


def draw_pair(axes: "Axes", own: "pd.DataFrame") -> None:
    """The densities of head and tail in one panel."""
    groups = own.groupby(["rows", "cohort"], sort=False)
    for ((name, cohort), part), colour, dash in zip(groups, COLOURS, DASHES, strict=False):
        edges = [*part["from"], part["to"].iloc[-1]]
        axes.stairs(part["density"], edges, color=colour, linestyle=dash, label=f"{name}: {cohort}")
    axes.set_xlabel("log of the predicted probability")
    axes.set_ylabel("density")
    legend_above(axes)
