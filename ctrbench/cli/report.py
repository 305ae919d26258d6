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
    from ctrbench.experiments.selection import Selected

DEFAULT_WIDTH = 100
"""Columns of a report that no terminal limits."""
LAST = "last.toml"
"""In the results: what ``ctrbench run`` was last asked for."""
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
        bool, typer.Option("--save", help="Also write reports/RECIPE.md, .csv, .tex and the figure, in the results.")
    ] = False,
    results: Results = None,
    data: Data = None,
) -> None:
    """Prints the table of a recipe, or draws its figure, from its records alone."""
    from ctrbench.experiments.collection import in_turn
    from ctrbench.experiments.recipe import read_document
    from ctrbench.experiments.selection import Asked

    results, data = places.results_folder(results), places.data_folder(data)
    last = results / LAST
    if recipe is None and not last.exists():
        raise CtrbenchError(f"{results}: nothing was run here yet; name a recipe, see ctrbench list recipes")
    asked = Asked(name=recipe) if recipe is not None else Asked.read(read_document(last), f"{last} (name a recipe)")
    recipes = asked.recipes()
    if output is not None and len(recipes) > 1:
        raise CtrbenchError(f"{asked.name}: it is {len(recipes)} reports, and --output takes one; pass --save")

    def one(chosen: "Selected") -> None:
        print_report(
            chosen.recipe,
            results=results,
            data=data,
            by=by,
            format_=format_,
            output=output,
            save=save,
            as_filed=chosen.as_filed,
        )

    in_turn([(each.recipe.name, each) for each in recipes], one)


def print_report(
    recipe: "Recipe",
    *,
    results: Path,
    data: Path,
    by: str = "activeness",
    format_: str = "terminal",
    output: Path | None = None,
    save: bool = False,
    as_filed: bool = True,
) -> None:
    """Prints a recipe's table, or writes it to ``output``; of a recipe with a figure, the figure's numbers.

    The figure is drawn for a terminal, once its runs are complete, and with ``save``; another format alone leaves its
    files as they are. So does a recipe that is not ``as_filed``: the files are another's.

    Raises:
        CtrbenchError: an unknown format, column or figure, no finished run, a file that cannot be written, or ``save``
            of a recipe that is not ``as_filed``.
    """
    from ctrbench.registry import unknown
    from ctrbench.report.formats import FORMATS

    if format_ not in (known := ("terminal", *FORMATS)):
        raise unknown("format", format_, known)
    if save and not as_filed:
        raise CtrbenchError(
            f"{recipe.name}: its report is that of the recipe as filed under this name; pass --output, not --save"
        )
    reports = results / "reports" if save else None
    if recipe.figure:
        from ctrbench.report.figures import formats, picture, terminal

        drawn = picture.find_picture(recipe, results, data)
        complete = format_ == "terminal" and not drawn.incomplete
        files = picture.save(drawn, results / formats.FOLDER) if save or (as_filed and complete) else []
        if complete and not as_filed:
            typer.echo(f"no figure is drawn: {recipe.name} is that of the recipe as filed under this name", err=True)
        figure_sheet = Sheet(drawn, recipe.name, {"terminal": terminal.as_text, **formats.FORMATS}, terminal.show)
        files += figure_sheet.write(format_, output, reports)
    else:
        from ctrbench.experiments.tables import find_table
        from ctrbench.report.build import build
        from ctrbench.report.terminal import as_text, show

        table = build(*find_table(recipe, results, data), by=by)
        files = Sheet(table, recipe.name + _cut(by), {"terminal": as_text, **FORMATS}, show).write(
            format_, output, reports
        )
    for path in files:
        typer.echo(f"written to {path}", err=format_ != "terminal")


def _cut(by: str) -> str:
    """What a column adds to the name of a report's files."""
    return "" if by == "activeness" else f"-by-{by.replace(' ', '-')}"


T = TypeVar("T")


@dataclass(frozen=True)
class Sheet(Generic[T]):
    """A table or a figure, and the ways to write it down."""

    content: T
    name: str
    """Of the files."""
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
