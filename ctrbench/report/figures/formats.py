"""A figure's table as text: Markdown, LaTeX, CSV, JSON; the picture itself lies in ``results/figures``."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd

from ctrbench.report.figures.picture import Picture, as_csv
from ctrbench.report.formats import escaped, subtitle, tabulated
from ctrbench.report.layout import DASH, Grid

FOLDER = "figures"
"""Beside ``reports``, in the results folder."""


def grid(picture: Picture) -> Grid:
    """The summary with four digits, intervals in one column each; the leading columns of text name its rows."""
    summary = picture.summary
    names = [pd.api.types.is_string_dtype(summary[column]) for column in summary]
    keys = max(1, names.index(False) if False in names else len(names))
    shown = {column: [_text(value) for value in values] for column, values in summary.items()}
    for column in [str(name).removesuffix("_low") for name in shown if str(name).endswith("_low")]:
        ends = zip(shown[f"{column}_low"], shown.pop(f"{column}_high"), strict=True)
        shown[f"{column}_low"] = [DASH if DASH in pair else f"[{', '.join(pair)}]" for pair in ends]
    header = tuple(str(column).replace("_low", " 95 %").replace("_", " ") for column in shown)
    return Grid(picture.spec.title, header, tuple(zip(*shown.values(), strict=True)), keys)


def markdown(picture: Picture) -> str:
    """The picture, as GitHub shows it, if there is one, and its table."""
    spec = picture.spec
    lacking = [f"> **{picture.incomplete}**"] if picture.incomplete else []
    image = [f"![{spec.title}](../{FOLDER}/{spec.name}.png)"] if picture.drawn else []
    parts = [f"# {spec.title}", subtitle(spec), *lacking, *image, tabulated(grid(picture), "pipe"), picture.note]
    return "\n\n".join(parts) + "\n"


def latex(picture: Picture) -> str:
    r"""A ``table``, below a ``figure`` if it is drawn, for ``\usepackage{booktabs,graphicx}`` and UTF-8."""
    spec, caption = picture.spec, escaped(f"{picture.spec.title}. {picture.note}")
    packages = "booktabs,graphicx" if picture.drawn else "booktabs"
    parts = [f"% needs \\usepackage{{{packages}}}\n% {spec.title} (recipe {spec.name})"]
    if picture.incomplete:
        parts.append(f"% {picture.incomplete}")
    if picture.drawn:
        image = f"\\includegraphics[width=\\linewidth]{{../{FOLDER}/{spec.name}.png}}"
        parts.append(f"\\begin{{figure}}\n\\centering\n{image}\n\\caption{{{caption}}}\n\\end{{figure}}")
        caption = f"{escaped(spec.title)}: numbers."
    body = tabulated(grid(picture), "latex_booktabs")
    parts.append(f"\\begin{{table}}\n\\centering\\small\n\\caption{{{caption}}}\n{body}\n\\end{{table}}")
    return "\n\n".join(parts) + "\n"


def csv(picture: Picture) -> str:
    """The summary; every mark of the picture stands in ``results/figures/<recipe>.csv``."""
    return as_csv(picture.summary)


def as_json(picture: Picture) -> str:
    """The summary, the note and what is missing."""
    document = {
        "recipe": picture.spec.name,
        "title": picture.spec.title,
        "incomplete": picture.incomplete,
        "rows": json.loads(picture.summary.to_json(orient="records", double_precision=10)),
        "note": picture.note,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Picture], str]] = {"markdown": markdown, "latex": latex, "csv": csv, "json": as_json}


def _text(value: Any) -> str:
    if pd.isna(value) or value == "":
        return DASH
    return f"{value:.4g}" if isinstance(value, float) else str(value)
