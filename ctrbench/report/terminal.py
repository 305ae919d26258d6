"""A report on a terminal: grids cut to its width, colours that repeat what a word already says."""

import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ctrbench.experiments.tables import TableSpec
from ctrbench.report.build import Report
from ctrbench.report.layout import Grid

GAPS = (2, 1)
"""Blanks between two columns: wide, or narrow where that keeps a grid whole."""

STYLES = {
    **dict.fromkeys(("improves", "within", "agrees", "equal"), "green"),
    **dict.fromkeys(("hurts",), "red"),
    **dict.fromkeys(("higher", "lower", "differs"), "yellow"),
    **dict.fromkeys(("not comparable", "not published", "no difference"), "dim"),
}
"""Style of a verdict."""


def show(report: Report, console: Console) -> None:
    """Prints the report; every grid fits the console's width, cut into several where it is wider."""
    show_heading(report.spec, report.incomplete, console)
    for block in report.blocks:
        console.print()
        console.rule(Text(block.title, style="bold"), align="left", style="dim")
        for grid in block.grids:
            console.print(Text(f"\n{grid.title}", style="bold cyan"))
            show_grid(grid, console)
    console.print()
    notes = Table.grid(padding=(0, GAPS[0], 0, 0))
    for note in report.notes:
        notes.add_row(Text(note.title, style="bold"), Text(note.text, style="dim"))
    console.print(notes)


def show_heading(spec: TableSpec, incomplete: str | None, console: Console) -> None:
    """Prints the title, the paper, and what is missing."""
    console.print(Text(spec.title, style="bold"))
    if spec.paper:
        console.print(Text(spec.paper, style="dim"))
    if incomplete:
        console.print(Text(incomplete, style="yellow"))


def show_grid(grid: Grid, console: Console) -> None:
    """Prints a grid without its title, in as many pieces as the console's width asks for."""
    gap = next((gap for gap in GAPS if _width(grid, range(len(grid.header)), gap) <= console.width), GAPS[-1])
    for place, piece in enumerate(_fitting(grid, console.width, gap)):
        console.print(*[""] * bool(place), _table(piece, gap), sep="\n")


def as_text(report: Report, width: int = 100) -> str:
    """What :func:`show` prints, without colours."""
    return without_colours(partial(show, report), width)


def without_colours(show: Callable[[Console], None], width: int) -> str:
    """What ``show`` prints on a console, as lines without blanks at their ends."""
    buffer = io.StringIO()
    show(Console(file=buffer, width=width, color_system=None))
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


def _table(grid: Grid, gap: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    for place, name in enumerate(grid.header):
        table.add_column(Text(name), justify="left" if place < grid.keys else "right", no_wrap=place >= grid.keys)
    above: tuple[str, ...] = ()
    for row in grid.rows:
        # A method's name stands once, at the first of its groups.
        repeated = grid.keys > 1 and above[:1] == row[:1]
        table.add_row(Text("" if repeated else row[0]), *(Text(cell, style=STYLES.get(cell, "")) for cell in row[1:]))
        above = row
    return table


def _fitting(grid: Grid, width: int, gap: int) -> Iterator[Grid]:
    """The grid in pieces that fit ``width``, each with the key columns and as many others as fit, at least one."""
    keys = list(range(grid.keys))
    piece: list[int] = []
    for place in range(grid.keys, len(grid.header)):
        if piece and _width(grid, [*keys, *piece, place], gap) > width:
            yield _columns(grid, [*keys, *piece])
            piece = []
        piece.append(place)
    yield _columns(grid, [*keys, *piece])


def _width(grid: Grid, places: Sequence[int], gap: int) -> int:
    """Characters that some columns take side by side."""
    return sum(max(len(row[place]) for row in (grid.header, *grid.rows)) + gap for place in places) - gap


def _columns(grid: Grid, places: Sequence[int]) -> Grid:
    rows = tuple(tuple(row[place] for place in places) for row in grid.rows)
    return Grid(grid.title, tuple(grid.header[place] for place in places), rows, grid.keys)
