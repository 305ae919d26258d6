"""Style of figures: colours of Okabe and Ito, each with a marker and a dash, so that grey print distinguishes them too.

Source: Okabe and Ito, Color Universal Design, 2008.
"""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C00")
"""The last is Okabe and Ito's yellow, darkened, since the original cannot be seen on white."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2, 1, 1, 1, 1)))
LIGHT = "#BFBFBF"
"""Colour of elements in the background."""

RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 3.2,
    "lines.markersize": 5,
    "lines.linewidth": 1.5,
    "figure.dpi": 120,
    "savefig.dpi": "figure",
    "svg.hashsalt": "ctrbench",
}
"""One resolution for the layout and for the file: letters that are fitted to pixels are not as wide in another one. The
fixed hash salt gives an SVG the same ids, and so the same bytes, every time."""

NOTE_SIZE = 7.0
NOTE_LETTERS_PER_INCH = 18
NOTE_LINE = NOTE_SIZE * 1.3 / 72
MARGIN = 0.08
"""Both in inches."""


def panels(rows: int, columns: int, width: float = 3.6, height: float = 3.0) -> "tuple[Figure, NDArray[np.object_]]":
    """An empty figure and its axes ``(rows, columns)``, each panel ``width`` x ``height`` inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, and a table needs none of it

    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def caption(figure: "Figure", title: str, note: str) -> None:
    """Writes the title above the panels and the note below them; the figure grows, the panels keep their size."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - as above

    width, height = map(float, figure.get_size_inches())
    title = textwrap.fill(title, int(width * 11), break_on_hyphens=False)
    note = textwrap.fill(note, int((width - 2 * MARGIN) * NOTE_LETTERS_PER_INCH), break_on_hyphens=False)
    below = (note.count("\n") + 1) * NOTE_LINE + 0.15
    above = (title.count("\n") + 1) * 0.18 + 0.08
    total = height + below + above
    figure.set_size_inches(width, total)
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    engine.set(rect=(0.0, below / total, 1.0, height / total))
    figure.text(MARGIN / width, 1 - 0.06 / total, title, fontsize=10, fontweight="bold", va="top")
    figure.text(MARGIN / width, 0.06 / total, note, fontsize=NOTE_SIZE, va="bottom", color="#404040", linespacing=1.2)


def legend_above(axes: "Axes") -> None:
    """A legend in one line within the axes, above everything that is drawn there."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.16 * (high - low))
    axes.legend(loc="upper left", ncols=4)


def intervals(axes: "Axes", x: Sequence[float], marks: "pd.DataFrame", place: int, label: str) -> None:
    """Marks with vertical intervals (columns middle, low, high) in the ``place``-th style; none where undefined."""
    below, above = marks.iloc[:, 0] - marks.iloc[:, 1], marks.iloc[:, 2] - marks.iloc[:, 0]
    axes.errorbar(
        x,
        marks.iloc[:, 0],
        np.stack([below, above]),
        color=COLOURS[place % len(COLOURS)],
        marker=MARKERS[place % len(MARKERS)],
        linestyle="none",
        capsize=3,
        elinewidth=1.1,
        label=label,
    )
