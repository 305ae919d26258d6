"""Raw interactions, as a source reader hands them to the common path."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ctrbench.data.schema import Source
from ctrbench.errors import CtrbenchError

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


def checked(raw: Raw) -> pd.DataFrame:
    """The same interactions, their time as float64 seconds, once users, items, times and labels are proved sound.

    Raises:
        CtrbenchError: there is no row; a user or item is missing; a time is missing, negative or no number; a label is
            neither 0 nor 1. The first such line is named.
    """
    table = raw.interactions
    if table.empty:
        raise CtrbenchError(f"{raw.file}: no interactions in it; pass the right file by --source")
    for column in ("user", "item"):
        refuse(raw.file, table, table[column].isna(), f"{column} is missing")
    time = pd.to_numeric(table["time"], errors="coerce").to_numpy(np.float64)
    refuse(raw.file, table, ~np.isfinite(time) | (time < 0), "time is missing, negative or no time")
    refuse(raw.file, table, time >= YEAR_5138, "time is not in seconds", "(milliseconds? divide by 1000)")
    for label in raw.labels:
        refuse(raw.file, table, ~table[label].isin([0, 1]), f"label {label!r} is neither 0 nor 1")
    return table.assign(time=time)


def without_duplicates(raw: Raw, interactions: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The checked interactions, those that repeat user, item and time left out after their first.

    Raises:
        CtrbenchError: there are some and the card's rule is to refuse them.
    """
    repeated = interactions.duplicated(["user", "item", "time"])
    if rule == "refuse":
        repeats = "repeats user, item and time of an earlier line"
        refuse(raw.file, raw.interactions, repeated, repeats, 'or set duplicates = "drop" on the card')
    return interactions[~repeated]


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
