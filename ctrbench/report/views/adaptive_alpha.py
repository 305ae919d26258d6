"""The searched alpha of each dataset, and constant alphas beside it: AQCL, figure 5."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctrbench.errors import NothingToShowError
from ctrbench.metrics.base import Metric
from ctrbench.planning.settings import full_settings
from ctrbench.report.frame import Frame, stacked
from ctrbench.report.select import ReportData
from ctrbench.report.views.alpha import LONGEST, alpha, lengths
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.gains import Names, Record
from ctrbench.report.views.style import COLOURS, DASHES, panels
from ctrbench.report.views.variants import level_panel, variant_records
from ctrbench.store.record import DataFacts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CONSTANT = "constant_alpha"
CURVE = ("panel", "dataset", "w1", "w2", "mean_click_length", "relative_length", "click_length", "alpha")
"""Columns of a curve; the columns of a run follow them."""
CUTS = (("non-active up to here", "o"), ("highly-active beyond", "s"))


class AdaptiveAlpha(View):
    """See the module's docstring."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task. ``panel`` curve and cut-off: one row per dataset and click length; runs: one
        per variant and method. For reading, the runs, and of each curve the cut-offs."""
        found = []
        for metric in self.metrics(data):
            for task in self.tasks(data):
                frame = _frame(data, metric, task)
                own = frame.where(panel=("cut-off", "runs")).without_empty_columns().without("base", "setting")
                found.append(
                    ViewData(
                        kind=self.spec.kind,
                        title=self.title(data, metric, task),
                        source=frame,
                        shown=own,
                        reading=(
                            "Left and middle: R(L) = exp(-w1 (L / Lbar)^w2) with w1 and w2 as searched, Lbar the mean "
                            "click length of the dataset's users; circle and square mark the two activeness cut-offs. "
                            "Right: 95 % intervals."
                        ),
                        draw=partial(draw, metric=metric),
                        place={"metric": metric.name, "task": task},
                    )
                )
        return found


def _frame(data: ReportData, metric: type[Metric], task: str) -> Frame:
    curves: dict[tuple[str, float, float], DataFacts] = {}
    constant = set()
    for row in data.rows:
        settings = full_settings(row.record.config, data.defaults)["method"]
        if settings.get(CONSTANT) is not None:
            constant.add(row.key.dataset)
        elif "w1" in settings:
            curves[row.key.dataset, float(settings["w1"]), float(settings["w2"])] = row.facts
    if not curves and not constant:
        recipe = data.recipe
        raise NothingToShowError(
            f"{recipe.name}: no finished run of a method with alpha, such as aqcl; run: {recipe.command('run')}"
        )
    panel: Record = {"panel": "runs"}
    runs = [panel | record for record in variant_records(data, metric, task) if record["dataset"] in constant]
    names = ("base", "backbone", "variant", "setting", "method", "seeds", *Names(metric.name).all)
    points = [point for place, facts in curves.items() for point in _curve(*place, facts)]
    return stacked((*CURVE, *names), [*points, *runs])


def _curve(dataset: str, w1: float, w2: float, facts: DataFacts) -> list[Record]:
    mean, curve = facts.mean_click_length, lengths()
    relative = np.concatenate([curve, np.array(facts.activeness.cutoffs) / mean])
    panels = ["curve"] * len(curve) + ["cut-off"] * len(facts.activeness.cutoffs)
    values = zip(panels, relative.tolist(), (relative * mean).tolist(), alpha(relative, w1, w2).tolist(), strict=True)
    return [dict(zip(CURVE, (panel, dataset, w1, w2, mean, *point), strict=True)) for panel, *point in values]


def draw(frame: Frame, *, metric: type[Metric]) -> "Figure":
    """Alpha against L / Lbar, against L, and the metric of constant alphas."""
    table = frame.pandas()
    runs = list(table[table["panel"] == "runs"].groupby(["dataset", "backbone"], sort=False))
    curves = table[table["panel"] != "runs"]
    searched = 2 if len(curves) else 0
    figure, grid = panels(1, searched + len(runs), height=3.7)
    if searched:
        _draw_curves(list(grid[0, :searched]), curves)
    for axes, ((dataset, backbone), own) in zip(grid[0, searched:], runs, strict=True):
        level_panel(axes, own, metric)
        axes.set_title(f"constant alpha: {dataset}, {backbone}")
    return figure


def _draw_curves(pair: "Sequence[Axes]", curves: "pd.DataFrame") -> None:
    """Alpha by L / Lbar and by L."""
    for axes, x in zip(pair, ("relative_length", "click_length"), strict=True):
        for place, (_, own) in enumerate(curves.groupby(["dataset", "w1", "w2"], sort=False)):
            _draw_curve(axes, own, x, place)
        axes.set_ylim(0, 1.02)
    pair[0].set(title="searched alpha", xlabel="click length L / Lbar", ylabel="alpha", xlim=(0, LONGEST))
    pair[1].set(title="the same in clicks", xlabel="click length L (clicks)", ylabel="alpha")
    pair[1].set_xlim(left=0)
    pair[0].legend(loc="upper left", bbox_to_anchor=(0, -0.2))


def _draw_curve(axes: "Axes", own: "pd.DataFrame", x: str, place: int) -> None:
    curve, cuts = (own[own["panel"] == panel] for panel in ("curve", "cut-off"))
    first = own.iloc[0]
    colour = COLOURS[place % len(COLOURS)]
    values = f"w1 = {first['w1']:.3g}, w2 = {first['w2']:.3g}, Lbar = {first['mean_click_length']:.3g}"
    label = f"{first['dataset']}:\n{values}"
    axes.plot(curve[x], curve["alpha"], color=colour, linestyle=DASHES[place % len(DASHES)], label=label)
    for (_, marker), (_, cut) in zip(CUTS, cuts.iterrows(), strict=True):
        axes.plot([cut[x]], [cut["alpha"]], color=colour, marker=marker, markerfacecolor="white", linestyle="none")
