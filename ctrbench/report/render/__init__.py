"""Formats: each turns a whole report, or one of its views, into text. The terminal's format is :mod:`.terminal`."""

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
"""Name of a format -> function that writes a whole report."""
PICTURES = ("png", "svg")
"""Formats of a report's pictures."""


def known_format(name: str) -> str:
    """Checks the name of a format, and returns it.

    Raises:
        CtrbenchError: the format does not exist.
    """
    names = ("terminal", *FORMATS, *PICTURES)
    if name not in names:
        raise unknown("format", name, names)
    return name


def text(report: "Report", name: str, *, full: bool = True) -> str:
    """A report in a format of text, ``terminal`` included."""
    return terminal.text(report, full=full) if name == "terminal" else FORMATS[name](report)
