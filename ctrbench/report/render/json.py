"""A report as JSON: cells with everything that the verdicts rest on, the views' frames, the footer."""

import json
from typing import TYPE_CHECKING, Any

from ctrbench.metrics.significance import Interval
from ctrbench.report.frame import Frame, Level
from ctrbench.report.views.base import ViewData

if TYPE_CHECKING:
    from ctrbench.report.build import Report


def page(report: "Report") -> str:
    """The whole report; numbers in full."""
    document = {
        "recipe": report.recipe.model_dump(mode="json"),
        "missing": report.missing,
        "incomplete": report.incomplete,
        "left_out": report.left_out,
        "caution": report.caution,
        "summary": [view(each) for each in report.summary],
        "cells": [{**cell.row(), "column": cell.column, "pairs": cell.pairs} for cell in report.cells],
        "views": [view(each) for each in report.views],
        "notes": [note._asdict() for note in report.notes],
    }
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def view(shown: ViewData) -> dict[str, Any]:
    """A view with the rows of its table."""
    return {
        "kind": shown.kind,
        "title": shown.title,
        "section": shown.section,
        "place": shown.place,
        "rows": rows(shown.short),
        "reading": shown.reading,
    }


def rows(frame: Frame) -> list[dict[str, Any]]:
    """Each row by column; a mean with its spread and an interval are objects."""
    return [{name: _plain(value) for name, value in record.items()} for record in frame.records()]


def _plain(value: Any) -> Any:
    return value._asdict() if isinstance(value, Level | Interval) else value
