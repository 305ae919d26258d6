"""Expressions that name a column by which rows are cut into groups: ``age``, ``click_length/20``, ``age*surface``.

``NAME`` is ``activeness``, ``click_length``, ``overall`` or a cohort column. ``NAME/N`` cuts a number into N quantile
buckets of about equal numbers of rows: ``click_length``, ``item_popularity``, or the codes of an ordered cohort column.
``A*B`` has one group for each pair of groups. ``within(COLUMN)`` has one group, all rows that are in a group of COLUMN,
in which rows are compared within the groups of COLUMN only: a metric of pairs, such as AUC, weighs each of these groups
by its pairs, and other metrics have no value.
"""

import re
from dataclasses import dataclass

from ctrbench.errors import CtrbenchError

MOST_BUCKETS = 1000
_PART = re.compile(r"^(?P<name>[^*/]+?)(?:/(?P<buckets>[0-9]{1,18}))?$")

_WITHIN = re.compile(r"^within\((?P<column>[^()]+)\)$")


@dataclass(frozen=True)
class ColumnPart:
    """One factor of an expression."""

    name: str
    buckets: int | None
    """Number of quantile buckets; None: the groups of the column."""


def within(expression: str) -> str | None:
    """COLUMN of ``within(COLUMN)``; None for other expressions."""
    match = _WITHIN.match(expression)
    return match["column"] if match else None


def parse_column(expression: str) -> tuple[ColumnPart, ...]:
    """The factors of an expression without ``within``, in its order.

    Raises:
        CtrbenchError: an empty factor, or a number of buckets outside 2 to 1,000.
    """
    parts = []
    for text in expression.split("*"):
        match = _PART.match(text.strip())
        if not match:
            raise CtrbenchError(f"column {expression!r}: want NAME, NAME/BUCKETS or NAME*NAME")
        buckets = int(match["buckets"]) if match["buckets"] else None
        if buckets is not None and not 2 <= buckets <= MOST_BUCKETS:
            raise CtrbenchError(f"column {expression!r}: {buckets} buckets; want 2 to {MOST_BUCKETS:,}")
        parts.append(ColumnPart(match["name"], buckets))
    return tuple(parts)
