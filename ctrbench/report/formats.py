"""A report as text: Markdown, LaTeX (booktabs), CSV, JSON."""

import json
from collections.abc import Callable
from dataclasses import asdict

from tabulate import tabulate

from ctrbench.experiments.tables import TableSpec
from ctrbench.report.build import Report
from ctrbench.report.cells import frame
from ctrbench.report.layout import Grid


def markdown(report: Report) -> str:
    """Headings and pipe tables, as GitHub shows them."""
    parts = [f"# {report.spec.title}", subtitle(report.spec)]
    if report.incomplete:
        parts.append(f"> **{report.incomplete}**")
    for block in report.blocks:
        parts.append(f"## {block.title}")
        for grid in block.grids:
            parts += [f"### {grid.title}", tabulated(grid, "pipe")]
    parts += ["## How these numbers were obtained", "\n".join(f"- **{n.title}**: {n.text}" for n in report.notes)]
    return "\n\n".join(parts) + "\n"


def latex(report: Report) -> str:
    r"""One ``table`` per grid, for ``\usepackage{booktabs}`` and UTF-8; the footer as a paragraph."""
    parts = [f"% needs \\usepackage{{booktabs}}\n% {report.spec.title} (recipe {report.spec.name})"]
    if report.incomplete:
        parts.append(f"% {report.incomplete}")
    for block in report.blocks:
        for grid in block.grids:
            caption = escaped(f"{block.title}. {grid.title}.")
            body = tabulated(grid, "latex_booktabs")
            parts.append(
                f"\\begin{{table}}\n\\centering\\small\\setlength{{\\tabcolsep}}{{4pt}}\n\\caption{{{caption}}}\n{body}\n\\end{{table}}"
            )
    notes = "\n".join(f"\\textbf{{{escaped(n.title)}.}} {escaped(n.text)}" for n in report.notes)
    return "\n\n".join([*parts, f"{{\\footnotesize\\noindent\n{notes}\n}}"]) + "\n"


def as_csv(report: Report) -> str:
    """One row per cell, numbers in full precision; see :data:`ctrbench.report.cells.COLUMNS`."""
    return str(frame(report.cells).to_csv(index=False, lineterminator="\n"))


def as_json(report: Report) -> str:
    """The table, its cells with everything that the verdicts rest on, its footer and the missing runs."""
    document = {
        "table": report.spec.model_dump(mode="json"),
        "missing": report.missing,
        "cells": [asdict(cell) for cell in report.cells],
        "notes": dict(report.notes),
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {
    "markdown": markdown,
    "latex": latex,
    "csv": as_csv,
    "json": as_json,
}


def subtitle(spec: TableSpec) -> str:
    """The recipe and the paper, in Markdown."""
    return f"Recipe `{spec.name}`" + (f", after {spec.paper}" if spec.paper else "")


def tabulated(grid: Grid, form: str) -> str:
    """A grid in one of tabulate's forms."""
    # The names of a row are text; everything else lines up on the right.
    alignment = ["left"] * grid.keys + ["right"] * (len(grid.header) - grid.keys)
    return tabulate(grid.rows, grid.header, tablefmt=form, colalign=alignment, disable_numparse=True)


_LATEX = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def escaped(text: str) -> str:
    """Text for LaTeX."""
    return text.translate(_LATEX)
