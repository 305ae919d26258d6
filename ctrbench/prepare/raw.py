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
    """Interactions in file order, with what is known of their items and users.

    Shapes: one row per interaction; one row per known item or user, in any order.
    """

    interactions: pd.DataFrame
    """``user``, ``item`` (any keys), ``time`` (seconds since 1970, parts of one included), ``line`` (in the source
    file, from 1) and a column per label (0 or 1)."""
    attributes: Mapping[Source, pd.DataFrame]
    """The raw columns of fields and cohorts. ``item``, ``user``: by key, in any order, and a missing key or value is
    unknown; ``row``: by the index of the interactions. A source without columns may be left out."""
    labels: tuple[str, ...] = ()
    """Label columns, the first is the click. None: every interaction is a click, and negatives are sampled."""
    file: str
    """Name of the source file, for errors."""
    time_hint: str = ""
    """What a user may do about times that are none, beside mending the file."""


def checked(raw: Raw) -> pd.DataFrame:
    """The same interactions, their time as float64 seconds, once users, items, times and labels are proved sound.

    Raises:
        CtrbenchError: there is no row; a user or item is missing; a time is missing, negative or not a number; a label
            is neither 0 nor 1. The first such line of each kind is named.
    """
    table = raw.interactions
    if table.empty:
        raise CtrbenchError(f"{raw.file}: no interactions in it; pass the right file by --source")
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
    """Holds the checked interactions to the card's rule for those that repeat user, item and time.

    Raises:
        CtrbenchError: there are some and the rule is to refuse them.
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
    """One of the checked interactions for each user, item and time, in file order.

    Args:
        raw: says which columns are labels.
        interactions: of :func:`checked`.
        keep: which one: the ``first``, the ``last``, or ``positive``: the first of those with the most labels, the
            click before all others.
    """
    if keep == "positive" and raw.labels:
        # A stable sort, so that of equal ones the first in the file is kept.
        ranked = interactions.sort_values(list(raw.labels), ascending=False, kind="stable")
        return interactions[~ranked.duplicated(KEY).reindex(interactions.index)]
    return interactions[~interactions.duplicated(KEY, keep="last" if keep == "last" else "first")]


def refuse(file: str, table: pd.DataFrame, bad: "pd.Series[bool] | np.ndarray", what: str, way_out: str = "") -> None:
    """Names the first bad row of a table with a column ``line``.

    Raises:
        CtrbenchError: a flag of ``bad``, one per row, is up.
    """
    flags = np.asarray(bad)
    if flags.any():
        line = table["line"].iloc[int(flags.argmax())]
        raise CtrbenchError(
            f"{file}, line {line}: {what} ({flags.sum():,} such lines); mend the file {way_out}".rstrip()
        )
