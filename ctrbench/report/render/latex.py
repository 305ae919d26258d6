r"""A report as LaTeX: one ``table`` per view, and a ``figure`` above the table of one that is drawn."""

from typing import TYPE_CHECKING

from tabulate import tabulate

from ctrbench.report.frame import Frame
from ctrbench.report.render.markdown import PICTURES
from ctrbench.report.views.base import ViewData

if TYPE_CHECKING:
    from ctrbench.report.build import Report

_SPECIAL = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def page(report: "Report") -> str:
    r"""Needs ``\usepackage{booktabs}``, ``graphicx`` if a view is drawn, and UTF-8; the footer becomes a paragraph."""
    packages = "booktabs,graphicx" if report.drawn else "booktabs"
    parts = [f"% needs \\usepackage{{{packages}}}\n% {report.title} (recipe {report.name})"]
    parts += [f"% {warning}" for warning in report.warnings]
    for view in (*report.summary, *report.views):
        parts += view_parts(view, report.picture_name(view))
    if report.notes:
        notes = "\n".join(f"\\textbf{{{escaped(n.title)}.}} {escaped(n.text)}" for n in report.notes)
        parts.append(f"{{\\footnotesize\\noindent\n{notes}\n}}")
    return "\n\n".join(parts) + "\n"


def view_parts(view: ViewData, picture: str | None = None) -> list[str]:
    """The figure, if it is drawn, and the table of a view."""
    title = ". ".join(filter(None, (view.section, view.title)))
    caption = f"{title}." if view.cells_of else f"{title}. {view.reading}"
    parts = []
    if picture:
        image = f"\\includegraphics[width=\\linewidth]{{{PICTURES}/{picture}.png}}"
        parts.append(f"\\begin{{figure}}\n\\centering\n{image}\n\\caption{{{escaped(caption)}}}\n\\end{{figure}}")
        caption = f"{title}: numbers."
    head = "\\begin{table}\n\\centering\\small\\setlength{\\tabcolsep}{4pt}"
    return [*parts, f"{head}\n\\caption{{{escaped(caption)}}}\n{table(view.table)}\n\\end{{table}}"]


def table(frame: Frame) -> str:
    """A frame with the rules of booktabs."""
    alignment = ["left"] * frame.keys + ["right"] * (len(frame.columns) - frame.keys)
    return tabulate(frame.texts(), frame.names, tablefmt="latex_booktabs", colalign=alignment, disable_numparse=True)


def escaped(text: str) -> str:
    """Text with the special characters of LaTeX escaped."""
    return text.translate(_SPECIAL)
