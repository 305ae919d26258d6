"""A view's drawing as the bytes of a PNG or SVG: the same frame gives the same bytes."""

import io
from typing import TYPE_CHECKING

import matplotlib as mpl

from ctrbench.report.views.base import ViewData
from ctrbench.report.views.style import RC, caption

if TYPE_CHECKING:
    from ctrbench.report.build import Report

METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
"""Metadata to leave out, since they would make the bytes of equal pictures differ."""


def picture(view: ViewData, report: "Report", ending: str) -> bytes:
    """The picture (``png`` or ``svg``) of a view that is drawn, with its title above and its reading below."""
    assert view.draw
    incomplete = f"{report.incomplete}." if report.incomplete else ""
    note = " ".join(filter(None, (incomplete, view.reading, report.data)))
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)
        drawing = view.draw(view.frame)
        caption(drawing, view.title, note)
        buffer = io.BytesIO()
        drawing.savefig(buffer, format=ending, metadata=METADATA[ending])
    return buffer.getvalue()
