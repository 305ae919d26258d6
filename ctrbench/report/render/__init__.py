"""Formats: each writes down a whole report, or one of its views, as text. A terminal's is :mod:`.terminal`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ctrbench.registry import unknown
from ctrbench.report.render import csv, html, json, latex, markdown, terminal

if TYPE_CHECKING:
    from ctrbench.report.build import Report

FORMATS: "dict[str, Callable[[Report], str]]" = {
    "markdown": markdown.page,
    "latex": latex.page,
    "csv": csv.page,
    "json": json.page,
    "html": html.page,
}
"""Name -> what writes a whole report."""
PICTURES = ("png", "svg")
"""Formats of a report's pictures."""


def known_format(name: str) -> str:
    """The name itself.

    Raises:
        CtrbenchError: there is no such format.
    """
    names = ("terminal", *FORMATS, *PICTURES)
    if name not in names:
        raise unknown("format", name, names)
    return name


def text(report: "Report", name: str, *, full: bool = True) -> str:
    """A report in a format of text, ``terminal`` included."""
    return terminal.text(report, full=full) if name == "terminal" else FORMATS[name](report)
