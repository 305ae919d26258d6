"""A view's drawing as the bytes of a PNG or SVG: the same frame gives the same bytes."""

import io
from typing import TYPE_CHECKING

import matplotlib as mpl

from ctrbench.report.views.base import ViewData
from ctrbench.report.views.style import RC, caption

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from ctrbench.report.build import Report

METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""Metadata to leave out, since they would make the bytes of equal pictures differ."""


def picture(view: ViewData, report: "Report", ending: str) -> bytes:
    """The picture (``png`` or ``svg``) of a view that is drawn, with its title above and its reading below."""
    draw = view.draw
    assert draw
    missing = f"{report.how_much_is_missing}." if report.how_much_is_missing else ""
    note = " ".join(filter(None, (missing, view.reading, report.data)))
    return drawn(lambda: draw(view.frame), ending, title=view.title, note=note)


def _settle(drawing: "Figure") -> None:
    """Fixes the panels where the layout puts them, to a millionth of the figure: its solver's last digits depend on
    where objects lie in memory, and an SVG names its parts by them."""
    drawing.draw_without_rendering()
    drawing.set_layout_engine("none")
    for axes in drawing.axes:
        left, bottom, width, height = (round(bound, 6) for bound in axes.get_position().bounds)
        axes.set_position((left, bottom, width, height))


def drawn(make: "Callable[[], Figure]", ending: str, *, title: str, note: str) -> bytes:
    """A drawing in the style of all figures (``png`` or ``svg``), with a title above and a note below."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        drawing = make()
        caption(drawing, title, note)
        _settle(drawing)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format=ending, metadata=METADATA[ending])
    return buffer.getvalue()
