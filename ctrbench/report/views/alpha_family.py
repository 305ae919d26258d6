"""What w1 and w2 do to alpha, the weight of the codebook (eq. 6): AQCL, figure 4."""

from typing import ClassVar

import pandas as pd
from matplotlib.figure import Figure as Drawing

from ctrbench.report.figures.alpha import LONGEST, alpha, lengths
from ctrbench.report.figures.base import Figure, Material, Needs
from ctrbench.report.figures.style import COLOURS, DASHES, panels

FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
SHOWN = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Values of L / Lbar in the summary."""


class AlphaFamily(Figure):
    """See the module's docstring."""

    needs: ClassVar[Needs] = "nothing"
    reading = (
        "R(L) = exp(-w1 (L / Lbar)^w2), equation 6; alpha 1 leans on the codebook alone, alpha 0 on the row's own view."
    )

    def frame(self, material: Material) -> pd.DataFrame:  # noqa: ARG002
        """One row per curve and click length."""
        curves = [("w1", factor, 1.0) for factor in FACTORS] + [("w2", 1.0, factor) for factor in FACTORS]
        length = lengths()
        parts = [
            pd.DataFrame(
                {"varied": varied, "w1": w1, "w2": w2, "relative_length": length, "alpha": alpha(length, w1, w2)}
            )
            for varied, w1, w2 in curves
        ]
        return pd.concat(parts, ignore_index=True)

    def summary(self, frame: pd.DataFrame) -> pd.DataFrame:
        """One row per curve: alpha at a few values of L / Lbar."""
        few = frame[frame["relative_length"].isin(SHOWN)]
        table = few.pivot_table(index=["varied", "w1", "w2"], columns="relative_length", values="alpha", sort=False)
        return table.rename(columns=lambda length: f"alpha at {length:g} Lbar").reset_index()

    def draw(self, frame: pd.DataFrame) -> Drawing:
        """Left w1, right w2 varies."""
        figure, grid = panels(1, 2)
        for axes, (varied, part) in zip(grid[0], frame.groupby("varied", sort=False), strict=True):
            for place, (factor, curve) in enumerate(part.groupby(str(varied), sort=False)):
                axes.plot(
                    *(curve["relative_length"], curve["alpha"]),
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
