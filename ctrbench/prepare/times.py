"""Reads the times of a user's own file, in any of the usual forms, as seconds since 1970."""

import numpy as np
import pandas as pd

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.raw import refuse

UNITS = {"seconds": 1, "milliseconds": 1000}
"""Values of ``time_format`` besides formats of :func:`time.strptime` -> how many of the unit make a second."""

DIGITS = {
    "YYYYMMDD": (8, "%Y%m%d"),
    "YYYYMMDDHH": (10, "%Y%m%d%H"),
    "YYYYMMDDHHMM": (12, "%Y%m%d%H%M"),
    "YYYYMMDDHHMMSS": (14, "%Y%m%d%H%M%S"),
}
"""Dates written as one number: number of digits and format."""


def seconds(table: pd.DataFrame, file: str, time_format: str | None = None) -> "pd.Series[float]":
    """Times in seconds since 1970 as float64; NaN where a value is not a time.

    Args:
        table: columns ``time`` and ``line``.
        file: name of the file, for errors.
        time_format: a key of :data:`UNITS` or a format of :func:`time.strptime`. None: numbers are seconds, and texts
            are ISO dates or dates and times, UTC unless they state a time zone.

    Raises:
        CtrbenchError: ``time_format`` is not a valid format; without one, the times are dates written as
            numbers, or numbers in some lines and dates in others.
    """
    raw = table["time"]
    if pd.api.types.is_datetime64_any_dtype(raw):
        return _since_1970(raw)
    if time_format in UNITS:
        return _numbers(raw) / UNITS[time_format]
    if time_format:
        return _parsed(raw, time_format)
    numbers = _numbers(raw)
    number = numbers.notna()
    moments = pd.to_datetime(raw[~number].astype(str), format="ISO8601", utc=True, errors="coerce")
    found = numbers.fillna(_since_1970(moments))
    date = found.notna() & ~number
    if number.any() and date.any():
        fewer, others = (number, "dates") if number.sum() <= date.sum() else (date, "numbers")
        refuse(
            file,
            table,
            fewer,
            f"time {raw[fewer].iloc[0]!r} is among {others}",
            "or set options.time_format on the card",
        )
    _refuse_digits(numbers[number], file)
    return found


def _numbers(raw: pd.Series) -> "pd.Series[float]":
    return pd.to_numeric(raw, errors="coerce").astype(np.float64)


def _since_1970(moments: pd.Series) -> "pd.Series[float]":
    utc = moments.dt.tz_localize("UTC") if moments.dt.tz is None else moments
    return (utc - pd.Timestamp(0, tz="UTC")).dt.total_seconds()


def _parsed(raw: pd.Series, time_format: str) -> "pd.Series[float]":
    # A number read as a float would end in ".0".
    text = raw.map("{:.0f}".format, na_action="ignore") if pd.api.types.is_float_dtype(raw) else raw.astype(str)
    try:
        return _since_1970(pd.to_datetime(text, format=time_format, utc=True, errors="coerce"))
    except ValueError as error:
        raise CtrbenchError(
            f"options.time_format: {time_format!r} is not a valid format ({error}); write one such as %Y-%m-%d %H:%M"
        ) from None


def _refuse_digits(numbers: "pd.Series[float]", file: str) -> None:
    for name, (digits, time_format) in DIGITS.items():
        year = 10.0 ** (digits - 4)
        if numbers.empty or not numbers.between(1970 * year, 2101 * year, inclusive="left").all():
            continue
        # Of numbers in this range that are not dates, 4 % or fewer look like dates by chance.
        days = pd.to_datetime(numbers.map("{:.0f}".format), format=time_format, errors="coerce")
        if days.notna().mean() > 0.5:
            raise CtrbenchError(
                f"{file}: times such as {numbers.iloc[0]:.0f} look like {name}, but numbers are read as seconds since "
                f'1970; set options.time_format = "{time_format}" on the card ("seconds" if they are seconds)'
            )
