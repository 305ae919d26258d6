"""Writes a report's files into the results folder."""

import re
from pathlib import Path

from ctrbench.errors import CtrbenchError
from ctrbench.files import write_file
from ctrbench.names import LONGEST, check_name
from ctrbench.report.build import Report
from ctrbench.report.render import FORMATS, csv
from ctrbench.report.views.base import BY

REPORTS, FIGURES = "reports", "figures"
ENDINGS = {"md": "markdown", "csv": "csv"}
"""Ending -> format of what is saved."""


def file_stem(recipe: str, by: str | None = None) -> str:
    """Name without ending of a report's files; a report by another column than :data:`BY` has files of its own.

    A column may be an expression with ``/`` and ``*``; characters that a file name cannot have become ``-``.

    Raises:
        CtrbenchError: the recipe's name cannot be part of a path.
    """
    check_name("recipe", recipe)
    return recipe if by in (None, BY) else f"{recipe}-by-{re.sub(r'[^A-Za-z0-9_.@=+-]+', '-', by)[:LONGEST]}"


def save(report: Report, results: Path, by: str | None = None) -> list[Path]:
    """Writes ``reports/RECIPE.md`` and ``.csv``, and ``figures/RECIPE.png`` and ``.csv`` of each view that is drawn.

    The same records give the same bytes.

    Raises:
        CtrbenchError: a file cannot be written.
    """
    stem = file_stem(report.name, by)
    files: dict[Path, str | bytes] = {
        results / REPORTS / f"{stem}.{ending}": FORMATS[name](report) for ending, name in ENDINGS.items()
    }
    for view in report.drawn:
        from ctrbench.report.render.picture import picture  # noqa: PLC0415 - a table must not wait for matplotlib

        path = results / FIGURES / str(report.picture_name(view))
        files[path.with_name(f"{path.name}.png")] = picture(view, report, "png")
        files[path.with_name(f"{path.name}.csv")] = csv.frame(view.frame)
    for path, content in files.items():
        write_file(path, content, option="--results")
    return list(files)


def write_picture(report: Report, path: Path, ending: str) -> None:
    """Writes the one picture of a report.

    Raises:
        CtrbenchError: the report has no picture or several, or the file cannot be written.
    """
    if len(report.drawn) != 1:
        count = len(report.drawn) or "no"
        raise CtrbenchError(f"{report.name}: {count} pictures, but {ending} takes one; pass --format html")
    from ctrbench.report.render.picture import picture  # noqa: PLC0415 - as above

    write_file(path, picture(report.drawn[0], report, ending), option="--output")
