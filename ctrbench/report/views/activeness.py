"""Users by activeness, the most active first, and the 60/30/10 cut: AQCL, figure 2."""

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ctrbench.metrics.groups import ACTIVENESS, activeness_codes
from ctrbench.report.frame import Frame
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import Needs, View, ViewData
from ctrbench.report.views.style import COLOURS, panels
from ctrbench.store.record import DataFacts

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = ("dataset", "users_percent", "click_length", "group", "click_lengths", "share_percent")
SHADES = dict(zip(ACTIVENESS, ("#FFFFFF", "#F0F0F0", "#DCDCDC"), strict=True))


class Activeness(View):
    """See the module's docstring."""

    needs: ClassVar[Needs] = "references"

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per dataset and percent of users; for reading, one per group, with its share of the users and its
        longest and median history."""
        frame = Frame.of(COLUMNS, [row for facts in self.facts(data) for row in _curve(facts)])
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=frame,
                shown=_groups(frame),
                reading=(
                    "Click length L = clicks before the row, of test users, at each percent of them; a length equal to "
                    "a cut-off goes to the less active group, so shares differ from 60/30/10 by ties."
                ),
                draw=draw,
            )
        ]


def _curve(facts: DataFacts) -> list[tuple[str | int | float, ...]]:
    length, cut = facts.activeness_curve[::-1], facts.activeness
    codes = activeness_codes(np.array(length), cut.cutoffs).tolist()
    ranges = _ranges(*cut.cutoffs)
    return [
        (facts.dataset, percent, own, ACTIVENESS[code], ranges[code], round(100 * cut.shares[code], 1))
        for percent, (own, code) in enumerate(zip(length, codes, strict=True))
    ]


def _ranges(low: int, high: int) -> tuple[str, str, str]:
    between = f"L {low + 1}" if high == low + 1 else f"L {low + 1} to {high}"
    return f"L <= {low}", between, f"L > {high}"


def _groups(frame: Frame) -> Frame:
    lengths: dict[tuple[object, ...], list[int]] = {}
    for dataset, _, length, *group in frame.rows:
        lengths.setdefault((dataset, *group), []).append(length)  # type: ignore[arg-type]
    names = ("dataset", "group", "click_lengths", "share_percent", "median", "longest")
    rows = [(*group, float(np.median(own)), max(own)) for group, own in lengths.items()]
    return Frame.of(names, rows)  # type: ignore[arg-type]


def draw(frame: Frame) -> "Figure":
    """One panel per dataset."""
    table = frame.pandas()
    names = list(dict.fromkeys(table["dataset"]))
    figure, grid = panels(1, len(names), width=max(3.4, 4.6 / len(names)))
    for axes, name in zip(grid[0], names, strict=True):
        _panel(axes, table[table["dataset"] == name])
        axes.set_title(name)
    grid[0, 0].set_ylabel("click length L (clicks)")
    return figure


def _panel(axes: "Axes", own: "pd.DataFrame") -> None:
    axes.set_yscale("symlog", linthresh=1, linscale=0.4)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
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
