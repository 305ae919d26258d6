"""A figure's numbers on a terminal."""

from functools import partial

from rich.console import Console
from rich.text import Text

from ctrbench.report.figures.formats import grid
from ctrbench.report.figures.picture import Picture
from ctrbench.report.terminal import show_grid, show_heading, without_colours


def show(picture: Picture, console: Console) -> None:
    """Prints the summary, cut to the console's width, between the title and the note."""
    show_heading(picture.spec, picture.incomplete, console)
    console.print()
    show_grid(grid(picture), console)
    console.print(Text(f"\n{picture.note}", style="dim"))


def as_text(picture: Picture, width: int = 100) -> str:
    """What :func:`show` prints, without colours."""
    return without_colours(partial(show, picture), width)
