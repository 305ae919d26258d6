"""What a method adds to the base's AUC in ten bins of click length: whom AQCL's section 5.2 says it helps."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from ctrbench.metrics.groups import OVERALL
from ctrbench.report.figures.base import Figure, Material
from ctrbench.report.figures.gains import gains
from ctrbench.report.figures.style import intervals, legend_above, panels

COLUMN = "click_length"


class GainByClickLength(Figure):
    """See the module's docstring."""

    reading = (
        "Bins hold about equal numbers of test rows (fewer bins after ties), from the shortest histories left to the "
        "longest right; bars are 95 % t-intervals of the difference, paired by seed, not corrected for their number."
    )

    def frame(self, material: Material) -> pd.DataFrame:
        """One row per dataset, backbone, method and bin; the base has no gain and no row."""
        found = gains(material, COLUMN).rename(columns={"group": COLUMN}).drop(columns="variant")
        found = found[(found["method"] != material.spec.base) & (found[COLUMN] != OVERALL)]
        found.insert(2, "base", material.spec.base)
        rows = {
            (entry.cell.dataset, group.group): group.rows
            for entry in material.entries
            for group in entry.record.metrics
            if group.column == COLUMN
        }
        found.insert(5, "rows", [rows[place] for place in zip(found["dataset"], found[COLUMN], strict=True)])
        return found.reset_index(drop=True)

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """One panel per dataset and backbone."""
        places = list(frame.groupby(["dataset", "backbone"], sort=False))
        figure, grid = panels(1, len(places), width=max(3.6, 5.2 / len(places)), height=3.2)
        for axes, ((dataset, backbone), own) in zip(grid[0], places, strict=True):
            _panel(axes, own)
            axes.set_title(f"{dataset}, {backbone}")
        grid[0, 0].set_ylabel(f"AUC minus that of {frame['base'].iloc[0]}")
        return figure


def _panel(axes: Axes, own: pd.DataFrame) -> None:
    bins = list(dict.fromkeys(own[COLUMN]))
    methods = list(dict.fromkeys(own["method"]))
    axes.axhline(0, color="#404040", linewidth=0.9)
    for place, method in enumerate(methods):
        part = own[own["method"] == method]
        x = [bins.index(name) + 0.16 * (place - (len(methods) - 1) / 2) for name in part[COLUMN]]
        intervals(axes, x, part[["gain", "gain_low", "gain_high"]], place, method)
    axes.set_xticks(range(len(bins)), [name.removeprefix("L ") for name in bins], rotation=45, ha="right")
    axes.set_xlabel("click length L (clicks)")
    axes.grid(visible=False, axis="x")
    axes.set_xlim(-0.6, len(bins) - 0.4)
    legend_above(axes)
