"""A metric of each variant of a recipe, and its difference to the base: AQCL, figures 5 right and 7."""

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.report.frame import Frame, stacked
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import View, ViewData
from ctrbench.report.views.gains import GAIN, Names, Record, gains
from ctrbench.report.views.style import COLOURS, LIGHT, intervals, legend_above, panels

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

AXIS = {
    "constant_alpha": "alpha",
    "nearest": "nearest codewords K",
    "projection_size": "size of z",
    "weight": "weight w of the contrastive loss",
}
"""Last part of a varied setting's path -> label of the axis; any other setting is labelled with its name."""


LETTERS = 40
"""Names of variants that have more letters together than this do not fit side by side."""


class Variants(View):
    """See the module's docstring."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One figure per metric and task: a row per dataset, backbone, variant and method; ``setting`` names what the
        variants vary."""
        found = []
        for metric in self.metrics(data):
            for task in self.tasks(data):
                names = Names(metric.name).all
                columns = ("base", "dataset", "backbone", "variant", "setting", "method", "seeds", *names)
                frame = stacked(columns, variant_records(data, metric, task))
                found.append(
                    ViewData(
                        kind=self.spec.kind,
                        title=self.title(data, metric, task),
                        source=frame,
                        shown=frame.without("base", "setting").renewed(),
                        reading="Bars are 95 % intervals, those of differences paired by seed.",
                        draw=partial(draw, metric=metric),
                        place={"metric": metric.name, "task": task},
                    )
                )
        return found


def variant_records(data: ReportData, metric: type[Metric], task: str) -> list[Record]:
    """One record per dataset, backbone, variant and method, over all rows.

    Raises:
        CtrbenchError: as :func:`ctrbench.report.views.gains.gains`.
    """
    setting = ", ".join(dict.fromkeys(path for own in data.recipe.variants.values() for path in own))
    fixed: Record = {"base": data.recipe.base, "setting": setting}
    return [record | fixed for _, record in gains(data, metric, OVERALL, task)]


def draw(frame: Frame, *, metric: type[Metric]) -> "Figure":
    """One line of panels per dataset and backbone: the metric on the left, its difference to the base on the right."""
    places = list(frame.pandas().groupby(["dataset", "backbone"], sort=False))
    figure, grid = panels(len(places), 2)
    for line, ((dataset, backbone), own) in zip(grid, places, strict=True):
        level_panel(line[0], own, metric)
        gain_panel(line[1], own, metric)
        line[0].set_title(f"{dataset}, {backbone}")
    return figure


def level_panel(axes: "Axes", own: "pd.DataFrame", metric: type[Metric]) -> None:
    """Mean of each method and variant on test rows; the base is a band if all variants share its values."""
    base, names = own["base"].iloc[0], Names(metric.name).level
    of_base = own[own["method"] == base]
    alike = len(of_base[list(names)].drop_duplicates()) == 1
    if alike:
        _band(axes, of_base[list(names)].iloc[0].to_list(), str(base))
    _marks(axes, own[own["method"] != base] if alike else own, names)
    axes.set_ylabel(f"test {metric.label}")
    legend_above(axes)


def gain_panel(axes: "Axes", own: "pd.DataFrame", metric: type[Metric]) -> None:
    """Difference to the base of each method and variant."""
    axes.axhline(0, color="#404040", linewidth=0.9)
    _marks(axes, own[own["method"] != own["base"]], GAIN)
    axes.set_ylabel(f"{metric.label} minus that of {own['base'].iloc[0]}")


def _marks(axes: "Axes", own: "pd.DataFrame", columns: tuple[str, ...]) -> None:
    variants = list(dict.fromkeys(own["variant"]))
    methods = list(dict.fromkeys(own["method"]))
    for place, method in enumerate(methods):
        part = own[own["method"] == method]
        # The marks of several methods are drawn side by side.
        x = [variants.index(variant) + 0.16 * (place - (len(methods) - 1) / 2) for variant in part["variant"]]
        intervals(axes, x, part[list(columns)], place, method)
    axes.set_xticks(range(len(variants)), variants)
    if sum(map(len, variants)) > LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=40, ha="right")
    axes.set_xlim(-0.6, len(variants) - 0.4)
    axes.set_xlabel(_axis(str(own["setting"].iloc[0])))
    axes.grid(visible=False, axis="x")


def _axis(settings: str) -> str:
    """Label of the axis, given the paths that the variants set, with commas between them."""
    names = {path.rpartition(".")[2] for path in settings.split(", ")}
    name = names.pop() if len(names) == 1 else "variant"
    return AXIS.get(name, name.replace("_", " "))


def _band(axes: "Axes", base: list[float], name: str) -> None:
    mean, low, high = base
    if not np.isnan(low):  # more than one seed
        axes.axhspan(low, high, facecolor=LIGHT, alpha=0.5, hatch="////", edgecolor="#8A8A8A", linewidth=0)
    axes.axhline(mean, color=COLOURS[3], linestyle=(0, (5, 2)), label=name)
