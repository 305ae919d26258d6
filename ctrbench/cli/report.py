"""``ctrbench report``."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Names, Results, split_names
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml, write_file

if TYPE_CHECKING:
    from ctrbench.recipe.query import RecipeMatch, RecipeQuery
    from ctrbench.report.build import Report

LAST = "last.toml"
"""File in the results folder with the query of the last ``ctrbench run``."""


@dataclass(frozen=True)
class Wanted:
    """The output that the user wants of a report."""

    by: str | None = None
    format: str = "terminal"
    output: Path | None = None
    full: bool = False
    save: bool = False


def report(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Name or .toml file of a recipe or collection (else what was run last).", show_default=False
        ),
    ] = None,
    *,
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Cut rows by activeness (default), a cohort column, COLUMN/BUCKETS, COLUMN*COLUMN or overall.",
            show_default=False,
        ),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Every table, not the summary alone.")] = False,
    format_: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="terminal, markdown, latex, csv, json, html, png or svg.")
    ] = "terminal",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of standard output.", show_default=False)
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Also write reports/RECIPE.md and .csv, and the figures, in the results.")
    ] = False,
    pages: Annotated[
        bool, typer.Option("--pages", help="Regenerate the numbers in README.md and in the results' README.md.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="With --pages: write nothing, fail where they differ.")
    ] = False,
    results: Results = None,
    data: Data = None,
) -> None:
    """Prints the summary of a recipe's results, its tables and figures, from the records alone."""
    from ctrbench.recipe.collection import for_each_recipe

    results, data = places.results_folder(results), places.data_folder(data)
    if check and not pages:
        raise CtrbenchError("--check goes with --pages")
    if pages and (recipe or by or dataset or backbone or method or full or save or output):
        raise CtrbenchError(
            "--pages regenerates README.md and the results' README.md whole; give --check or nothing else"
        )
    if pages:
        _regenerate(results, check=check)
        return
    query = query_of(recipe, results, datasets=dataset, backbones=backbone, methods=method)
    matches = query.matches()
    if output is not None and len(matches) > 1:
        raise CtrbenchError(f"{query.name}: this is {len(matches)} reports, but --output takes one; pass --save")
    wanted = Wanted(by, format_, output, full, save)

    def one(match: "RecipeMatch") -> None:
        print_report(match, results=results, data=data, wanted=wanted)

    for_each_recipe([(each.recipe.name, each) for each in matches], one)


def print_report(match: "RecipeMatch", *, results: Path, data: Path, wanted: Wanted = Wanted()) -> None:
    """Prints a recipe's report, or writes it to a file; with ``save`` its pages and pictures too.

    Raises:
        CtrbenchError: an unknown format, column or view, no finished job, a file that cannot be written, or ``save`` of
            a modified recipe: it never overwrites the original's files.
    """
    from ctrbench.report.build import find_report
    from ctrbench.report.render import known_format

    known_format(wanted.format)
    recipe = match.recipe
    if wanted.save and not match.is_unmodified:
        raise CtrbenchError(
            f"{recipe.name}: a modified recipe never overwrites the original's files; pass --output, not --save"
        )
    found = find_report(recipe, results, data, wanted.by)
    _write(found, wanted)
    if wanted.save:
        from ctrbench.report.saved import save

        for path in save(found, results, wanted.by):
            typer.echo(f"written to {path}", err=wanted.format != "terminal")
    elif found.drawn and wanted.format == "terminal":
        typer.echo(f"to draw it: {recipe.command('report', '--save')}", err=True)


def _write(found: "Report", wanted: Wanted) -> None:
    """Writes to a file or to standard output: in UTF-8, except on a terminal, whose encoding is kept."""
    from ctrbench.report.render import PICTURES, text

    if wanted.format in PICTURES:
        from ctrbench.report.saved import write_picture

        if wanted.output is None:
            raise CtrbenchError(f"{wanted.format} needs --output FILE")
        write_picture(found, wanted.output, wanted.format)
    elif wanted.output is not None:
        write_file(wanted.output, text(found, wanted.format, full=wanted.full), option="--output")
    elif wanted.format == "terminal":
        from rich.console import Console

        from ctrbench.report.render.terminal import WIDTH, show

        show(found, Console(width=shutil.get_terminal_size((WIDTH, 0)).columns), full=wanted.full)
    else:
        typer.echo(text(found, wanted.format).encode("utf-8"), nl=False)


def query_of(recipe: str | None, results: Path, **names: list[str]) -> "RecipeQuery":
    """A named recipe or, without a name, what was last run, its seeds and settings included; of either only the
    datasets, backbones and methods that are named.

    Raises:
        CtrbenchError: no recipe is named, and nothing was run here.
    """
    from ctrbench.recipe.query import RecipeQuery

    last = results / LAST
    if recipe is not None:
        query = RecipeQuery(name=recipe)
    elif last.exists():
        query = RecipeQuery.read(read_toml(last), f"{last} (name a recipe)")
    else:
        raise CtrbenchError(f"{results}: no recipe has been run here yet; name one, see ctrbench list recipes")
    chosen = {kind: tuple(split_names(each)) for kind, each in names.items()}
    return query.model_copy(update={kind: own for kind, own in chosen.items() if own})


def _regenerate(results: Path, *, check: bool) -> None:
    """Regenerates the pages that hold numbers of the archive, or names those that are out of date.

    Raises:
        CtrbenchError: with ``check``, a page differs from its regeneration.
    """
    from ctrbench.report.pages import Pages, changes

    source = Pages(results)
    stale = []
    for path in dict.fromkeys([Path("README.md"), results / "README.md"]):
        if not path.exists():
            continue
        before = path.read_text("utf-8")
        after = source.regenerate(before, str(path))
        if after == before:
            continue
        if check:
            stale += [f"{path}, line {number}" for number in changes(before, after)]
        else:
            write_file(path, after, option="--results")
            typer.echo(f"written to {path}")
    if stale:
        raise CtrbenchError(f"{'; '.join(stale)}: differs from the archive; run: ctrbench report --pages")
