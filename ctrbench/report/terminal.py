"""A report on a terminal: grids cut to its width, colours that repeat what a word already says."""

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ctrbench.report.build import Report
from ctrbench.report.layout import Grid

GAP = 2
"""Blanks between two columns."""

STYLES = {
    **dict.fromkeys(("improves", "within", "agrees"), "green"),
    **dict.fromkeys(("hurts",), "red"),
    **dict.fromkeys(("higher", "lower", "differs"), "yellow"),
    **dict.fromkeys(("not comparable", "not published", "no difference"), "dim"),
}
"""Style of a verdict."""


def show(report: Report, console: Console) -> None:
    """Prints the report; every grid fits the console's width, cut into several where it is wider."""
    console.print(Text(report.spec.title, style="bold"))
    if report.spec.paper:
        console.print(Text(report.spec.paper, style="dim"))
    if report.incomplete:
        console.print(Text(report.incomplete, style="yellow"))
    for block in report.blocks:
        console.print()
        console.rule(Text(block.title, style="bold"), align="left", style="dim")
        for grid in block.grids:
            console.print(Text(f"\n{grid.title}", style="bold cyan"))
            for piece in _fitting(grid, console.width):
                console.print(_table(piece))
    console.print()
    for note in report.notes:
        text = Text.assemble((f"{note.title}  ", "bold"), (note.text, "dim"))
        console.print(Padding(text, (0, 0, 0, 2)))


def _table(grid: Grid) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="dim")
    for place, name in enumerate(grid.header):
        table.add_column(name, justify="left" if place < grid.keys else "right", no_wrap=place >= grid.keys)
    above: tuple[str, ...] = ()
    for row in grid.rows:
        # A method's name stands once, at the first of its groups.
        repeated = grid.keys > 1 and above[:1] == row[:1]
        first = Text("") if repeated else Text(row[0])
        table.add_row(first, *(Text(cell, style=STYLES.get(cell, "")) for cell in row[1:]))
        above = row
    return table


def _fitting(grid: Grid, width: int) -> Iterator[Grid]:
    """The grid in pieces that fit ``width``, each with the key columns and as many others as fit, at least one."""
    columns = list(zip(grid.header, *grid.rows, strict=True))
    widths = [max(map(len, column)) + GAP for column in columns]
    keys = list(range(grid.keys))
    piece: list[int] = []
    for place in range(grid.keys, len(columns)):
        if piece and sum(widths[other] for other in [*keys, *piece, place]) - GAP > width:
            yield _columns(grid, [*keys, *piece])
            piece = []
        piece.append(place)
    yield _columns(grid, [*keys, *piece])


def _columns(grid: Grid, places: list[int]) -> Grid:
    rows = tuple(tuple(row[place] for place in places) for row in grid.rows)
    return Grid(grid.title, tuple(grid.header[place] for place in places), rows, grid.keys)
