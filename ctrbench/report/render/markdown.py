"""A report as Markdown: headings and pipe tables, as GitHub shows them."""

from typing import TYPE_CHECKING

from tabulate import tabulate

from ctrbench.report.frame import Frame
from ctrbench.report.views.base import ViewData

if TYPE_CHECKING:
    from ctrbench.report.build import Report

PICTURES = "../figures"
"""Folder of the pictures, relative to the folder of the reports."""


def page(report: "Report") -> str:
    """The summary first, then every view, then the footer."""
    parts = [f"# {report.title}", _subtitle(report)]
    parts += [f"> **{_text(warning)}**" for warning in report.warnings]
    if report.summary:
        parts.append("## Summary")
        for view in report.summary:
            parts += [f"### {view.section}: {view.title}", table(view.table), *([view.reading] if view.reading else [])]
    for section, views in report.sections.items():
        parts += [f"## {section}"] if section else []
        for view in views:
            parts += [f"### {view.title}"] if section or len(report.views) > 1 else []
            parts += view_parts(view, report.picture_name(view))
    if report.notes:
        parts += ["## How these numbers were obtained", "\n".join(f"- **{n.title}**: {n.text}" for n in report.notes)]
    return "\n\n".join(parts) + "\n"


def view_parts(view: ViewData, picture: str | None = None) -> list[str]:
    """Picture, table and reading of a view."""
    # A recipe's name may have spaces, a link may not.
    path = f"{PICTURES}/{picture}.png".replace(" ", "%20")
    image = [f"![{_alternative(view.title)}]({path})"] if picture else []
    return [*image, table(view.table), *([view.reading] if not view.cells_of else [])]


def table(frame: Frame) -> str:
    """A frame as a pipe table; a ``|`` within a value is escaped."""
    # The names of a row are text; everything else lines up on the right.
    alignment = ["left"] * frame.keys + ["right"] * (len(frame.columns) - frame.keys)
    rows = [[_cell(value) for value in row] for row in frame.texts()]
    return tabulate(rows, [_cell(name) for name in frame.names], tablefmt="pipe", colalign=alignment,
                    disable_numparse=True)  # fmt: skip


def _subtitle(report: "Report") -> str:
    return f"Recipe `{report.name}`" + (f", after {report.recipe.paper}" if report.recipe.paper else "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def _text(text: str) -> str:
    return " ".join(text.split())


def _alternative(title: str) -> str:
    return title.replace("[", r"\[").replace("]", r"\]")
