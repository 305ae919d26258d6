"""Users by activeness, the most active first, and the 60/30/10 cut: AQCL, figure 2."""

from typing import ClassVar

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import FuncFormatter

from ctrbench.experiments.record import ReferenceRecord
from ctrbench.metrics.groups import ACTIVENESS, activeness_codes
from ctrbench.report.figures.base import Figure, Material, Needs
from ctrbench.report.figures.style import COLOURS, panels

SHADES = dict(zip(ACTIVENESS, ("#FFFFFF", "#F0F0F0", "#DCDCDC"), strict=True))


class Activeness(Figure):
    """See the module's docstring."""

    needs: ClassVar[Needs] = "references"
    reading = (
        "Click length L = clicks before the row, of test users, at each percent of them; a length equal to a cut-off "
        "goes to the less active group, so shares differ from 60/30/10 by ties."
    )

    def frame(self, material: Material) -> pd.DataFrame:
        """One row per dataset and percent of users."""
        of_dataset = {record.dataset: record for record in reversed(material.references)}
        wanted = dict.fromkeys(record.dataset for record in material.references)
        return pd.concat([_curve(of_dataset[name]) for name in wanted], ignore_index=True)

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row per dataset and group, with its share of the users and its longest and median history."""
        groups = frame.groupby(["dataset", "group", "click_lengths", "share_percent"], sort=False)["click_length"]
        return groups.agg(median="median", longest="max").reset_index()

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """One panel per dataset."""
        names = list(dict.fromkeys(frame["dataset"]))
        figure, grid = panels(1, len(names), width=max(3.4, 4.6 / len(names)))
        for axes, name in zip(grid[0], names, strict=True):
            _panel(axes, frame[frame["dataset"] == name])
            axes.set_title(name)
        grid[0, 0].set_ylabel("click length L (clicks)")
        return figure


def _curve(record: ReferenceRecord) -> pd.DataFrame:
    length = np.array(record.activeness_curve[::-1])
    cut = record.data.activeness
    codes = activeness_codes(length, cut.cutoffs)
    ranges = _ranges(*cut.cutoffs)
    return pd.DataFrame(
        {
            "dataset": record.dataset,
            "users_percent": np.arange(len(length)),
            "click_length": length,
            "group": [ACTIVENESS[code] for code in codes],
            "click_lengths": [ranges[code] for code in codes],
            "share_percent": [round(100 * cut.shares[code], 1) for code in codes],
        }
    )


def _ranges(low: int, high: int) -> tuple[str, str, str]:
    between = f"L {low + 1}" if high == low + 1 else f"L {low + 1} to {high}"
    return f"L <= {low}", between, f"L > {high}"


def _panel(axes: Axes, own: pd.DataFrame) -> None:
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    # Three lines of legend have room above the curve.
    axes.set_ylim(0, (own["click_length"].max() + 1) * 12)
    axes.set_xlim(0, 100)
    axes.grid(visible=False, axis="x")
    begin = 0.0
    for group, part in own.groupby("group", sort=False):
        share, lengths = float(part["share_percent"].iloc[0]), part["click_lengths"].iloc[0]
        span = axes.axvspan(begin, begin + share, facecolor=SHADES[str(group)], edgecolor="#808080", linewidth=0.7)
        span.set_label(f"{group}: {lengths} ({share:g} %)")
        begin += share
    axes.plot(own["users_percent"], own["click_length"], color=COLOURS[0], drawstyle="steps-mid")
    axes.set_xlabel("test users, most active first (%)")
    axes.legend(loc="upper right", handlelength=1.2, frameon=True, framealpha=1, edgecolor="none")
