"""AUC of each variant of a recipe, and its difference to the base: AQCL, figures 5 right and 7."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from ctrbench.metrics.groups import OVERALL
from ctrbench.report.figures.base import Figure, Material
from ctrbench.report.figures.gains import gains
from ctrbench.report.figures.style import COLOURS, LIGHT, intervals, legend_above, panels

AXIS = {
    "constant_alpha": "alpha",
    "nearest": "nearest codewords K",
    "projection_size": "size of z",
    "weight": "weight w of the contrastive loss",
}
"""Last part of a varied setting's path -> label of the axis; the setting's own name for any other."""


class Variants(Figure):
    """See the module's docstring."""

    reading = "Bars are 95 % t-intervals over seeds, those of differences paired by seed."

    def frame(self, material: Material) -> pd.DataFrame:
        """One row per dataset, backbone, variant and method; ``setting`` names what the variants vary."""
        found = gains(material, OVERALL).drop(columns="group")
        varied = dict.fromkeys(path for settings in material.variants.values() for path in settings)
        found.insert(3, "setting", ", ".join(varied))
        found.insert(0, "base", material.spec.base)
        return found

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Without the two columns that are alike in every row."""
        return frame.drop(columns=["base", "setting"])

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """One line of panels per dataset and backbone: AUC left, its difference to the base right."""
        places = list(frame.groupby(["dataset", "backbone"], sort=False))
        figure, grid = panels(len(places), 2)
        for line, ((dataset, backbone), own) in zip(grid, places, strict=True):
            auc_panel(line[0], own)
            gain_panel(line[1], own)
            line[0].set_title(f"{dataset}, {backbone}")
        return figure


def auc_panel(axes: Axes, own: pd.DataFrame) -> None:
    """Mean test AUC of each method and variant; the base is a band where its AUC is the same in all of them."""
    base = own["base"].iloc[0]
    of_base = own[own["method"] == base]
    alike = len(of_base[["auc", "auc_low", "auc_high"]].drop_duplicates()) == 1
    if alike:
        _band(axes, of_base.iloc[0], str(base))
    _marks(axes, own[own["method"] != base] if alike else own, ("auc", "auc_low", "auc_high"))
    axes.set_ylabel("test AUC")
    legend_above(axes)


def gain_panel(axes: Axes, own: pd.DataFrame) -> None:
    """Difference in AUC to the base of each method and variant."""
    axes.axhline(0, color="#404040", linewidth=0.9)
    _marks(axes, own[own["method"] != own["base"]], ("gain", "gain_low", "gain_high"))
    axes.set_ylabel(f"AUC minus that of {own['base'].iloc[0]}")


def _marks(axes: Axes, own: pd.DataFrame, columns: tuple[str, str, str]) -> None:
    variants = list(dict.fromkeys(own["variant"]))
    methods = list(dict.fromkeys(own["method"]))
    for place, method in enumerate(methods):
        part = own[own["method"] == method]
        # Several methods stand beside each other.
        x = [variants.index(variant) + 0.16 * (place - (len(methods) - 1) / 2) for variant in part["variant"]]
        intervals(axes, x, part[list(columns)], place, method)
    axes.set_xticks(range(len(variants)), variants)
    axes.set_xlim(-0.6, len(variants) - 0.4)
    setting = str(own["setting"].iloc[0]).rpartition(".")[2]
    axes.set_xlabel(AXIS.get(setting, setting.replace("_", " ")))
    axes.grid(visible=False, axis="x")


def _band(axes: Axes, base: pd.Series, name: str) -> None:
    if pd.notna(base["auc_low"]):
        span = float(base["auc_low"]), float(base["auc_high"])
        axes.axhspan(*span, facecolor=LIGHT, alpha=0.5, hatch="////", edgecolor="#8A8A8A", linewidth=0)
    axes.axhline(base["auc"], color=COLOURS[3], linestyle=(0, (5, 2)), label=name)
