"""A report on a terminal: tables cut to its width, colours that repeat what a word already says."""

import io
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ctrbench.report.frame import Frame
from ctrbench.report.views.base import ViewData

if TYPE_CHECKING:
    from ctrbench.report.build import Report

WIDTH = 100
"""Width of a report that is not printed on a terminal."""
GAPS = (2, 1)
"""Spaces between two columns: wide, or narrow where that keeps a table in one piece."""

STYLES = {
    **dict.fromkeys(("improves", "improves, within the margin", "within", "agrees", "equal"), "green"),
    **dict.fromkeys(("hurts", "hurts, within the margin"), "red"),
    **dict.fromkeys(("higher", "lower", "contradicts", "differs"), "yellow"),
    **dict.fromkeys(("not comparable", "not published", "equivalent", "not shown", "open"), "dim"),
}
"""Style of a verdict."""

PLAIN = str.maketrans({"±": "+-", "·": "-", "…": "...", "≤": "<=", "≥": ">="})
"""Replacements for characters that a terminal without UTF-8 lacks."""


def show(report: "Report", console: Console, *, full: bool = False) -> None:
    """Prints the summary and the command that shows the rest; with ``full`` also every view and the footer."""
    printer = _Printer(console)
    printer.line(report.title, "bold")
    if report.recipe.paper:
        printer.line(report.recipe.paper, "dim")
    for warning in report.warnings:
        printer.line(warning, "yellow")
    for view in report.summary:
        printer.heading(view.section)
        printer.view(view)
    # The summary covers the tables of methods; any other view is shown itself.
    rest = [view for view in report.views if full or not view.cells_of]
    for section in dict.fromkeys(view.section for view in rest):
        own = [view for view in rest if view.section == section]
        if section:
            printer.heading(section)
        for view in own:
            printer.view(view, title=bool(section) or len(report.views) > 1)
    if full:
        printer.notes(report)
    elif any(view.cells_of for view in report.views):
        groups = " and ".join(dict.fromkeys(view.cells_of[1] for view in report.views if view.cells_of))
        printer.line(f"\nBy {groups}, with p values, every metric and how the numbers were obtained:", "dim")
        printer.line(f"  {report.recipe.command('report', '--full')} (or --save, for pages)", "dim")


def text(report: "Report", width: int = WIDTH, *, full: bool = False) -> str:
    """What :func:`show` prints, without colours."""
    return without_colours(partial(show, report, full=full), width)


def without_colours(show: Callable[[Console], None], width: int) -> str:
    """What ``show`` prints on a console, as lines without trailing spaces."""
    buffer = io.StringIO()
    show(Console(file=buffer, width=width, color_system=None))
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())


class _Printer:
    """Prints the parts of a report; text is never read as markup, and characters that a terminal lacks are replaced."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def text(self, text: str, style: str = "") -> Text:
        if self.console.options.ascii_only:
            encoding = self.console.encoding
            text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
        return Text(text, style=style)

    def line(self, text: str, style: str = "") -> None:
        self.console.print(self.text(text, style))

    def heading(self, title: str) -> None:
        self.console.print()
        self.console.rule(self.text(title, "bold"), align="left", style="dim")

    def view(self, view: ViewData, *, title: bool = True) -> None:
        self.line(f"\n{view.title}" if title else "", "bold cyan")
        self.frame(view.table)
        if view.reading and (not view.cells_of or view.kind == "summary"):
            self.line(f"\n{view.reading}", "dim")

    def notes(self, report: "Report") -> None:
        self.console.print()
        notes = Table.grid(padding=(0, GAPS[0], 0, 0))
        for note in report.notes:
            notes.add_row(self.text(note.title, "bold"), self.text(note.text, "dim"))
        self.console.print(notes)

    def frame(self, frame: Frame) -> None:
        """Prints a frame in as many pieces as the console's width requires."""
        lines = [tuple(self.text(cell).plain for cell in line) for line in (frame.names, *frame.texts())]
        width, everything = self.console.width, range(len(frame.columns))
        gap = next((gap for gap in GAPS if _width(lines, everything, gap) <= width), GAPS[-1])
        for number, columns in enumerate(_fitting(lines, frame.keys, width, gap)):
            self.console.print(*[""] * bool(number), _table(lines, columns, frame.keys, gap), sep="\n")


def _table(lines: Sequence[tuple[str, ...]], columns: Sequence[int], keys: int, gap: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    for place in columns:
        justify = "left" if place < keys else "right"
        table.add_column(Text(lines[0][place]), justify=justify, no_wrap=place >= keys)  # type: ignore[arg-type]
    above: tuple[str, ...] = ()
    for line in lines[1:]:
        # A method's name is printed once, at the first of its groups.
        repeated = keys > 1 and above[:1] == line[:1]
        names = ["" if repeated and place == 0 else line[place] for place in columns]
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in names))
        above = line
    return table


def _fitting(lines: Sequence[tuple[str, ...]], keys: int, width: int, gap: int) -> Iterator[list[int]]:
    """Columns of each piece that fits ``width``: the key columns and as many others as fit, at least one."""
    names = list(range(keys))
    piece: list[int] = []
    for place in range(keys, len(lines[0])):
        if piece and _width(lines, [*names, *piece, place], gap) > width:
            yield [*names, *piece]
            piece = []
        piece.append(place)
    yield [*names, *piece]


def _width(lines: Sequence[tuple[str, ...]], places: Sequence[int], gap: int) -> int:
    """Characters that some columns take side by side."""
    return sum(max(len(line[place]) for line in lines) + gap for place in places) - gap
