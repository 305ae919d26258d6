"""``ctrbench report``."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Generic, TypeVar

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Results
from ctrbench.errors import CtrbenchError
from ctrbench.files import write_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rich.console import Console

    from ctrbench.experiments.recipe import Recipe

DEFAULT_WIDTH = 100
"""Columns of a report that no terminal limits."""
SAVED = {"md": "markdown", "csv": "csv", "tex": "latex"}
"""Ending -> format of what ``--save`` writes."""


def report(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Name or .toml file of a recipe or collection (else what was run last).", show_default=False
        ),
    ] = None,
    *,
    by: Annotated[str, typer.Option(metavar="COLUMN", help="activeness or a cohort column; of tables.")] = "activeness",
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="terminal, markdown, latex, csv or json.")
    ] = "terminal",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of standard output.", show_default=False)
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Also write reports/RECIPE.md, .csv and .tex in the results folder.")
    ] = False,
    results: Results = None,
    data: Data = None,
) -> None:
    """Prints the table of a recipe, or draws its figure, from its records alone."""
    from ctrbench.experiments.collection import in_turn, recipes_of
    from ctrbench.experiments.recipe import read_recipe

    results, data = places.results_folder(results), places.data_folder(data)
    last = results / "last.toml"
    if recipe is None and not last.exists():
        raise CtrbenchError(f"{results}: nothing was run here yet; name a recipe, see ctrbench list recipes")
    recipes = [read_recipe(name) for name in (recipes_of(recipe) if recipe else [last])]
    if output is not None and len(recipes) > 1:
        raise CtrbenchError(f"{recipe}: a collection of {len(recipes)} reports, and --output takes one; pass --save")

    def one(chosen: "Recipe") -> None:
        print_report(
            chosen,
            results=results,
            data=data,
            by=by,
            format_=format_,
            output=output,
            save=save,
            # What was run last may be a recipe that options changed.
            draw=recipe is not None,
        )

    in_turn([(each.name, each) for each in recipes], one)


def print_report(
    recipe: "Recipe",
    *,
    results: Path,
    data: Path,
    by: str = "activeness",
    format_: str = "terminal",
    output: Path | None = None,
    save: bool = False,
    draw: bool = True,
) -> None:
    """Prints a recipe's table, or writes it to ``output``; of a recipe with a figure, the figure's numbers.

    The figure is drawn for a terminal, once its runs are complete, and with ``save``; another format alone leaves its
    files as they are, and so does ``draw=False``, for a recipe that options changed: the files are another's.

    Raises:
        CtrbenchError: an unknown format, column or figure, no finished run, or a file that cannot be written.
    """
    from ctrbench.registry import unknown
    from ctrbench.report.formats import FORMATS

    if format_ not in (known := ("terminal", *FORMATS)):
        raise unknown("format", format_, known)
    reports = results / "reports" if save else None
    if recipe.figure:
        from ctrbench.report.figures import formats, picture, terminal

        drawn = picture.find_picture(recipe, results, data)
        complete = format_ == "terminal" and not drawn.incomplete
        files = picture.save(drawn, results / formats.FOLDER) if save or (draw and complete) else []
        if complete and not (save or draw):
            typer.echo("no figure is drawn: options changed the recipe; ctrbench report --save draws it", err=True)
        figure_sheet = Sheet(drawn, recipe.name, {"terminal": terminal.as_text, **formats.FORMATS}, terminal.show)
        files += figure_sheet.write(format_, output, reports)
    else:
        from ctrbench.experiments.tables import find_table
        from ctrbench.report.build import build
        from ctrbench.report.terminal import as_text, show

        table = build(*find_table(recipe, results, data), by=by)
        files = Sheet(table, recipe.name, {"terminal": as_text, **FORMATS}, show).write(format_, output, reports)
    for path in files:
        typer.echo(f"written to {path}", err=format_ != "terminal")


T = TypeVar("T")


@dataclass(frozen=True)
class Sheet(Generic[T]):
    """A table or a figure, and the ways to write it down."""

    content: T
    name: str
    """Of the recipe."""
    writers: "Mapping[str, Callable[[T], str]]"
    show: "Callable[[T, Console], None]"
    """On a terminal, with colours."""

    def write(self, format_: str, output: Path | None, reports: Path | None) -> list[Path]:
        """Prints it, or writes it to ``output``; into the folder ``reports`` in every format of :data:`SAVED`.

        Returns:
            The files in ``reports``.
        """
        from rich.console import Console

        if output is not None:
            write_file(output, self.writers[format_](self.content), option="--output")
        elif format_ == "terminal":
            self.show(self.content, Console(width=shutil.get_terminal_size((DEFAULT_WIDTH, 0)).columns))
        else:
            typer.echo(self.writers[format_](self.content), nl=False)
        files = {reports / f"{self.name}.{ending}": saved for ending, saved in SAVED.items()} if reports else {}
        for path, saved in files.items():
            write_file(path, self.writers[saved](self.content), option="--results")
        return list(files)
