"""Raw interactions, as a source reader hands them to the common path."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctrbench.data.schema import Source
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.problems import Problems

YEAR_5138 = 1e11
"""Seconds; a later time is a number of milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Raw:
    """Interactions in file order, with attributes of their items and users.

    Shapes: one row per interaction; one row per known item or user, in any order.
    """

    interactions: pd.DataFrame
    """``user``, ``item`` (any keys), ``time`` (seconds since 1970, possibly with a fraction), ``line`` (in the source
    file, from 1) and a column per label (0 or 1)."""
    attributes: Mapping[Source, pd.DataFrame]
    """The raw columns of fields and cohorts. ``item``, ``user``: by key, in any order, and a missing key or value is
    unknown; ``row``: by the index of the interactions. A source without columns may be left out."""
    labels: tuple[str, ...] = ()
    """Label columns, the first is the click. None: every interaction is a click, and negatives are sampled."""
    file: str
    """Name of the source file, for errors."""
    time_hint: str = ""
    """What a user can do about values that are not times, besides mending the file."""


def checked(raw: Raw) -> pd.DataFrame:
    """Checks users, items, times and labels; returns the interactions with their time as float64 seconds.

    Raises:
        CtrbenchError: the file has no row; a user or item is missing; a time is missing, negative or not a number; a
            label is neither 0 nor 1. The error names the first such line of each kind.
    """
    table = raw.interactions
    if table.empty:
        raise CtrbenchError(f"{raw.file}: the file has no interactions; pass the right file by --source")
    problems = Problems(raw.file)
    time = pd.to_numeric(table["time"], errors="coerce").to_numpy(np.float64)
    unsound: list[tuple[pd.Series[bool] | np.ndarray, str, str]] = [
        (table["user"].isna(), "user is missing", ""),
        (table["item"].isna(), "item is missing", ""),
        (~np.isfinite(time) | (time < 0), "time is missing, negative or not a time", raw.time_hint),
        (time >= YEAR_5138, "time is not in seconds", "(milliseconds? divide by 1000)"),
        *((~table[label].isin([0, 1]), f"label {label!r} is neither 0 nor 1", "") for label in raw.labels),
    ]
    for bad, what, way_out in unsound:
        with problems.collecting():
            refuse(raw.file, table, bad, what, way_out)
    problems.refuse()
    return table.assign(time=time)


KEY = ["user", "item", "time"]


def refuse_duplicates(raw: Raw, interactions: pd.DataFrame, rule: str) -> None:
    """Applies the card's rule to checked interactions that repeat user, item and time.

    Raises:
        CtrbenchError: interactions repeat, and the rule is to refuse them.
    """
    if rule == "drop":
        return
    advice = 'or set duplicates = "drop" on the card'
    labels = list(raw.labels)
    if labels and interactions.drop_duplicates([*KEY, *labels]).duplicated(KEY).any():
        advice += ', with keep = "positive": some of them differ in their labels'
    repeats = "repeats user, item and time of an earlier line"
    refuse(raw.file, raw.interactions, interactions.duplicated(KEY), repeats, advice)


def without_duplicates(raw: Raw, interactions: pd.DataFrame, keep: str) -> pd.DataFrame:
    """Keeps one of the checked interactions for each user, item and time, in file order.

    Args:
        raw: names the columns that are labels.
        interactions: the result of :func:`checked`.
        keep: which one: the ``first``, the ``last``, or ``positive``: the first of those with the most labels, where
            the click counts before all other labels.
    """
    if keep == "positive" and raw.labels:
        # A stable sort, so that of equal ones the first in the file is kept.
        ranked = interactions.sort_values(list(raw.labels), ascending=False, kind="stable")
        return interactions[~ranked.duplicated(KEY).reindex(interactions.index)]
    return interactions[~interactions.duplicated(KEY, keep="last" if keep == "last" else "first")]


def refuse(file: str, table: pd.DataFrame, bad: "pd.Series[bool] | np.ndarray", what: str, way_out: str = "") -> None:
    """Refuses a table, with a column ``line``, that has a bad row; names the first one.

    Raises:
        CtrbenchError: a flag of ``bad``, one per row, is set.
    """
    flags = np.asarray(bad)
    if flags.any():
        line = table["line"].iloc[int(flags.argmax())]
        raise CtrbenchError(
            f"{file}, line {line}: {what} ({flags.sum():,} such lines); mend the file {way_out}".rstrip()
        )
