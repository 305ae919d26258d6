"""A report as one HTML page that needs no other file: the page contains its pictures."""

import base64
from html import escape
from typing import TYPE_CHECKING

from ctrbench.report.frame import Frame
from ctrbench.report.views.base import ViewData

if TYPE_CHECKING:
    from ctrbench.report.build import Report

STYLE = """\
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b }
table { border-collapse: collapse; margin: .5rem 0 1rem; font-variant-numeric: tabular-nums; display: block;
  overflow-x: auto }
th, td { padding: .15rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th.key, td.key { text-align: left }
h2 { margin-top: 2.2rem; border-bottom: 2px solid #ccc } img { max-width: 100% }
.warning { background: #fff3cd; padding: .4rem .8rem } dt { font-weight: 600 } dd { margin: 0 0 .5rem 1.5rem }
"""


def page(report: "Report") -> str:
    """The summary first, then every view, then the footer."""
    paper = f"<p>{escape(report.recipe.paper)}</p>" if report.recipe.paper else ""
    parts = [f"<h1>{escape(report.title)}</h1>", paper]
    parts += [f'<p class="warning">{escape(warning)}</p>' for warning in report.warnings]
    parts += ["<h2>Summary</h2>"] if report.summary else []
    for each in report.summary:
        parts += [f"<h3>{escape(f'{each.section}: {each.title}')}</h3>", view(each)]
    for section, views in report.sections.items():
        parts += [f"<h2>{escape(section)}</h2>"] if section else []
        for each in views:
            parts += [f"<h3>{escape(each.title)}</h3>", view(each, report)]
    if report.notes:
        notes = "\n".join(f"<dt>{escape(note.title)}</dt><dd>{escape(note.text)}</dd>" for note in report.notes)
        parts.append(f"<h2>How these numbers were obtained</h2>\n<dl>\n{notes}\n</dl>")
    head = f'<meta charset="utf-8">\n<title>{escape(report.title)}</title>\n<style>\n{STYLE}</style>'
    body = "\n".join(filter(None, parts))
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def view(shown: ViewData, report: "Report | None" = None) -> str:
    """Picture, table and reading of a view; no picture if ``report`` is None."""
    image = ""
    if shown.draw and report:
        from ctrbench.report.render.picture import picture  # noqa: PLC0415 - a table must not wait for matplotlib

        content = base64.b64encode(picture(shown, report, "png")).decode("ascii")
        image = f'<p><img alt="{escape(shown.title)}" src="data:image/png;base64,{content}"></p>\n'
    reading = f"\n<p>{escape(shown.reading)}</p>" if shown.reading else ""
    return image + table(shown.table) + reading


def table(frame: Frame) -> str:
    """A frame, the names of its rows on the left."""

    def line(tag: str, texts: tuple[str, ...]) -> str:
        kinds = [' class="key"' if place < frame.keys else "" for place in range(len(texts))]
        cells = (f"<{tag}{kind}>{escape(text)}</{tag}>" for kind, text in zip(kinds, texts, strict=True))
        return f"<tr>{''.join(cells)}</tr>"

    body = "\n".join(line("td", row) for row in frame.texts())
    return f"<table>\n<thead>{line('th', frame.names)}</thead>\n<tbody>\n{body}\n</tbody>\n</table>"
