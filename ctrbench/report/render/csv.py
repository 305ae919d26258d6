"""A report as CSV: one row per cell, numbers in full; and the frame of any view, with six digits."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ctrbench.metrics.significance import Interval
from ctrbench.report.cells import COLUMNS, Cell
from ctrbench.report.frame import Frame, Level, Value

if TYPE_CHECKING:
    from ctrbench.report.build import Report


def page(report: "Report") -> str:
    """The cells that tables of methods show, then the table of each other view after an empty line."""
    parts = [cells(report.cells)] if report.cells else []
    return "\n".join([*parts, *(frame(view.short) for view in report.views if not view.cells_of)])


def cells(found: Iterable[Cell]) -> str:
    """One row per cell, with the columns :data:`ctrbench.report.cells.COLUMNS`; an undefined value is empty."""
    return _lines(COLUMNS, (cell.row().values() for cell in found), _exact)


def frame(found: Frame) -> str:
    """A frame with six digits, so that differences in the last bits between machines do not show."""
    return _lines(found.names, found.rows, _six_digits)


def _lines(header: Sequence[str], rows: Iterable[Iterable[Value]], form: Callable[[Value], str]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([form(value) for value in row] for row in rows)
    return buffer.getvalue()


def _exact(value: Value) -> str:
    return "" if value is None else str(value)


def _six_digits(value: Value) -> str:
    if isinstance(value, Level | Interval):
        return " ".join(_six_digits(part) for part in value)
    return f"{value:.6g}" if isinstance(value, float) else _exact(value)
