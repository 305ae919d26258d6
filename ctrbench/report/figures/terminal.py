"""A figure's numbers on a terminal."""

import io

from rich.console import Console
from rich.text import Text

from ctrbench.report.figures.formats import grid
from ctrbench.report.figures.picture import Picture
from ctrbench.report.terminal import show_grid, show_heading


def show(picture: Picture, console: Console) -> None:
    """Prints the summary, cut to the console's width, between the title and the note."""
    show_heading(picture.spec, picture.incomplete, console)
    console.print()
    show_grid(grid(picture), console)
    console.print(Text(f"\n{picture.note}", style="dim"))


def as_text(picture: Picture, width: int = 100) -> str:
    """What :func:`show` prints, without colours."""
    buffer = io.StringIO()
    show(picture, Console(file=buffer, width=width, color_system=None))
    return "".join(f"{line.rstrip()}\n" for line in buffer.getvalue().splitlines())
