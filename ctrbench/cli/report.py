"""``ctrbench report``."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Results
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctrbench.experiments.recipe import Recipe
    from ctrbench.report.build import Report

DEFAULT_WIDTH = 100
"""Columns of a report that no terminal limits."""


def report(
    recipe: Annotated[
        str | None, typer.Argument(help="Name or .toml file (else what was run last).", show_default=False)
    ] = None,
    *,
    by: Annotated[str, typer.Option(metavar="COLUMN", help="activeness or a cohort column.")] = "activeness",
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="terminal, markdown, latex, csv or json.")
    ] = "terminal",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of standard output.", show_default=False)
    ] = None,
    results: Results = None,
    data: Data = None,
) -> None:
    """Prints the table of a recipe from its records alone."""
    from ctrbench.experiments.recipe import read_recipe

    results, data = places.results_folder(results), places.data_folder(data)
    last = results / "last.toml"
    if recipe is None and not last.exists():
        raise CtrbenchError(f"{results}: nothing was run here yet; name a recipe, see ctrbench list recipes")
    print_report(read_recipe(recipe or last), results=results, data=data, by=by, format_=format_, output=output)


def print_report(
    recipe: "Recipe",
    *,
    results: Path,
    data: Path,
    by: str = "activeness",
    format_: str = "terminal",
    output: Path | None = None,
) -> None:
    """Prints a recipe's table, or writes it to ``output``.

    Raises:
        CtrbenchError: an unknown format or column, no finished run, or a file that cannot be written.
    """
    from rich.console import Console

    from ctrbench.experiments.tables import find_table
    from ctrbench.registry import unknown
    from ctrbench.report.build import build
    from ctrbench.report.formats import FORMATS
    from ctrbench.report.output import write_whole
    from ctrbench.report.terminal import as_text, show

    writers: dict[str, Callable[[Report], str]] = {"terminal": as_text, **FORMATS}
    if format_ not in writers:
        raise unknown("format", format_, writers)
    table = build(*find_table(recipe, results, data), by=by)
    if output is not None:
        write_whole(output, writers[format_](table))
    elif format_ == "terminal":
        show(table, Console(width=shutil.get_terminal_size((DEFAULT_WIDTH, 0)).columns))
    else:
        typer.echo(writers[format_](table), nl=False)
