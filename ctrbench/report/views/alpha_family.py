"""What w1 and w2 do to alpha, the weight of the codebook (eq. 6): AQCL, figure 4."""

from typing import TYPE_CHECKING, ClassVar

from ctrbench.report.frame import Frame, Value
from ctrbench.report.select import ReportData
from ctrbench.report.views.alpha import LONGEST, alpha, lengths
from ctrbench.report.views.base import Needs, View, ViewData
from ctrbench.report.views.style import COLOURS, DASHES, panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
SHOWN = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Values of L / Lbar in the table for reading."""


class AlphaFamily(View):
    """See the module's docstring."""

    needs: ClassVar[Needs] = "nothing"

    def show(self, data: ReportData) -> list[ViewData]:
        """One row per curve and click length; for reading, one per curve: alpha at a few values of L / Lbar."""
        curves = [("w1", factor, 1.0) for factor in FACTORS] + [("w2", 1.0, factor) for factor in FACTORS]
        length = lengths()
        rows: list[tuple[Value, ...]] = [
            (varied, w1, w2, at, value)
            for varied, w1, w2 in curves
            for at, value in zip(length.tolist(), alpha(length, w1, w2).tolist(), strict=True)
        ]
        names = ("varied", "w1", "w2", *(f"alpha at {at:g} Lbar" for at in SHOWN))
        at_few = [(*curve, *(row[4] for row in rows if row[:3] == curve and row[3] in SHOWN)) for curve in curves]
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=Frame.of(("varied", "w1", "w2", "relative_length", "alpha"), rows),
                shown=Frame.of(names, at_few),
                reading=(
                    "R(L) = exp(-w1 (L / Lbar)^w2), equation 6; alpha 1 leans on the codebook alone, alpha 0 on the "
                    "row's own view."
                ),
                draw=draw,
            )
        ]


def draw(frame: Frame) -> "Figure":
    """On the left w1 varies, on the right w2."""
    figure, grid = panels(1, 2)
    for axes, (varied, part) in zip(grid[0], frame.pandas().groupby("varied", sort=False), strict=True):
        for place, (factor, curve) in enumerate(part.groupby(str(varied), sort=False)):
            axes.plot(
                curve["relative_length"],
                curve["alpha"],
                color=COLOURS[place],
                linestyle=DASHES[place],
                label=f"{varied} = {factor:g}",
            )
        fixed = "w2" if varied == "w1" else "w1"
        axes.set_title(f"{varied} varies, {fixed} = 1")
        axes.set(xlabel="click length L / Lbar", xlim=(0, LONGEST), ylim=(0, 1.02))
        axes.legend(loc="upper right")
    grid[0, 0].set_ylabel("alpha = R(L)")
    return figure
