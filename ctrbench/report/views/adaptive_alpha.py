"""The searched alpha of each dataset, and constant alphas beside it: AQCL, figure 5."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.record import DataFacts
from ctrbench.report.figures.alpha import LONGEST, alpha, lengths
from ctrbench.report.figures.base import Figure, Material
from ctrbench.report.figures.style import COLOURS, DASHES, panels
from ctrbench.report.figures.variants import Variants, auc_panel

CONSTANT = "constant_alpha"
CURVE = ["panel", "dataset", "w1", "w2", "mean_click_length", "relative_length", "click_length", "alpha"]
"""Columns of a curve; a run's follow them."""
CUTS = (("non-active up to here", "o"), ("highly-active beyond", "s"))


class AdaptiveAlpha(Figure):
    """See the module's docstring."""

    reading = (
        "Left and middle: R(L) = exp(-w1 (L / Lbar)^w2) with w1 and w2 as searched, Lbar the mean click length of the "
        "dataset's users; circle and square mark the two activeness cut-offs. Right: 95 % t-intervals over seeds."
    )

    def frame(self, material: Material) -> pd.DataFrame:
        """``panel`` curve and cut-off: one row per dataset and click length; runs: one per variant and method."""
        curves: dict[tuple[str, float, float], DataFacts] = {}
        constant = set()
        for entry in material.entries:
            settings: Mapping[str, Any] = entry.record.config.method_settings
            if settings.get(CONSTANT) is not None:
                constant.add(entry.cell.dataset)
            elif "w1" in settings:
                curves[entry.cell.dataset, settings["w1"], settings["w2"]] = entry.record.data
        if not curves and not constant:
            name = material.spec.name
            raise CtrbenchError(f"{name}: no finished run of a method with alpha; aqcl has it: ctrbench run {name}")
        runs = Variants().frame(material)
        runs = runs[runs["dataset"].isin(constant)].assign(panel="runs")
        found = pd.concat([*(_curve(*place, facts) for place, facts in curves.items()), runs], ignore_index=True)
        return found.reindex(columns=[*CURVE, *(column for column in found.columns if column not in CURVE)])

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The runs, and of each curve the cut-offs."""
        shown = frame[frame["panel"] != "curve"].dropna(axis=1, how="all")
        return shown.drop(columns=["base", "setting"], errors="ignore")

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """Alpha against L / Lbar, against L, and the AUC of constant alphas."""
        runs = list(frame[frame["panel"] == "runs"].groupby(["dataset", "backbone"], sort=False))
        curves = frame[frame["panel"] != "runs"]
        searched = 2 if len(curves) else 0
        figure, grid = panels(1, searched + len(runs), height=3.7)
        if searched:
            _draw_curves(list(grid[0, :searched]), curves)
        for axes, ((dataset, backbone), own) in zip(grid[0, searched:], runs, strict=True):
            auc_panel(axes, own)
            axes.set_title(f"constant alpha: {dataset}, {backbone}")
        return figure


def _draw_curves(pair: Sequence[Axes], curves: pd.DataFrame) -> None:
    """Alpha by L / Lbar and by L."""
    for axes, x in zip(pair, ("relative_length", "click_length"), strict=True):
        for place, (_, own) in enumerate(curves.groupby(["dataset", "w1", "w2"], sort=False)):
            _draw_curve(axes, own, x, place)
        axes.set_ylim(0, 1.02)
    pair[0].set(title="searched alpha", xlabel="click length L / Lbar", ylabel="alpha", xlim=(0, LONGEST))
    pair[1].set(title="the same in clicks", xlabel="click length L (clicks)", ylabel="alpha")
    pair[1].set_xlim(left=0)
    pair[0].legend(loc="upper left", bbox_to_anchor=(0, -0.2))


def _curve(dataset: str, w1: float, w2: float, facts: DataFacts) -> pd.DataFrame:
    mean = facts.mean_click_length
    curve, cuts = lengths(), np.array(facts.activeness.cutoffs) / mean
    relative = np.concatenate([curve, cuts])
    return pd.DataFrame(
        {
            "panel": ["curve"] * len(curve) + ["cut-off"] * len(cuts),
            "dataset": dataset,
            "w1": w1,
            "w2": w2,
            "mean_click_length": mean,
            "relative_length": relative,
            "click_length": relative * mean,
            "alpha": alpha(relative, w1, w2),
        }
    )


def _draw_curve(axes: Axes, own: pd.DataFrame, x: str, place: int) -> None:
    curve, cuts = (own[own["panel"] == panel] for panel in ("curve", "cut-off"))
    first = own.iloc[0]
    colour = COLOURS[place % len(COLOURS)]
    values = f"w1 = {first['w1']:.3g}, w2 = {first['w2']:.3g}, Lbar = {first['mean_click_length']:.3g}"
    label = f"{first['dataset']}:\n{values}"
    axes.plot(curve[x], curve["alpha"], color=colour, linestyle=DASHES[place % len(DASHES)], label=label)
    for (_, marker), (_, cut) in zip(CUTS, cuts.iterrows(), strict=True):
        axes.plot([cut[x]], [cut["alpha"]], color=colour, marker=marker, markerfacecolor="white", linestyle="none")
