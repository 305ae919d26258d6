"""Groups of rows: by activeness, by click length, by quantiles of any number.

Shape: n rows, G groups of a column.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

OVERALL = "overall"
ACTIVENESS = ("non-active", "slightly-active", "highly-active")
"""Names of the codes of :func:`activeness_codes`."""

Column = tuple[NDArray[np.integer], Sequence[str]]
"""Codes ``(n,)`` in [-1, G), -1 outside every group, and the G names."""


def activeness_codes(length: NDArray[np.integer], cutoffs: tuple[int, int]) -> NDArray[np.int8]:
    """Group of each row by its click length ``(n,)``: a length equal to a cut-off goes to the lower group."""
    return np.searchsorted(np.asarray(cutoffs), length, side="left").astype(np.int8)


def click_length_bins(length: NDArray[np.integer], bins: int = 10) -> Column:
    """:func:`quantile_bins` of click lengths ``(n,)``, e.g. ``L 3 to 5``."""
    return quantile_bins(length, bins, "L")


def quantile_bins(values: NDArray[np.number], bins: int, name: str) -> Column:
    """Bins of equal shares of the rows by a number ``(n,)``, fewer where values are tied: no value is in two bins.

    A bin is named by ``name`` and its range. Whole numbers: ``age 18 to 25``, or ``age 18``, without a gap between
    bins. Others: ``score 0.1 to 0.25`` for the lowest bin, then ``score over 0.25 to 0.4``, rounded to six digits, or
    to as many as keep the ends apart. Rows whose value is missing (NaN) are outside every bin.

    Raises:
        ValueError: fewer than one bin, or values that are not numbers.
    """
    values = np.asarray(values)
    if bins < 1:
        raise ValueError(f"{bins} bins of {name!r}; at least 1 is needed")
    if values.dtype.kind not in "iuf":
        raise ValueError(f"{name!r} has values of type {values.dtype}, which are not numbers")
    present = ~np.isnan(values)
    known = values[present]
    codes = np.full(len(values), -1, dtype=np.min_scalar_type(-bins))
    if not len(known):
        return codes, []
    upper = np.unique(np.quantile(known, np.arange(1, bins + 1) / bins, method="higher"))
    codes[present] = np.searchsorted(upper, known, side="left")
    ranges = _whole_ranges if (np.isfinite(known) & (known == np.floor(known))).all() else _ranges
    return codes, [f"{name} {text}" for text in ranges(known.min(), upper)]


def _whole_ranges(lowest: np.number, upper: NDArray[np.number]) -> list[str]:
    ends = [int(end) for end in upper]
    starts = [int(lowest), *(end + 1 for end in ends[:-1])]
    return [f"{low}" if low == high else f"{low} to {high}" for low, high in zip(starts, ends, strict=True)]


def _ranges(lowest: np.number, upper: NDArray[np.number]) -> list[str]:
    ends = np.unique([lowest, *upper])
    digits = next(digits for digits in range(6, 18) if len({f"{end:.{digits}g}" for end in ends}) == len(ends))
    texts = [f"{end:.{digits}g}" for end in upper]
    first = texts[0] if lowest == upper[0] else f"{lowest:.{digits}g} to {texts[0]}"
    return [first, *(f"over {low} to {high}" for low, high in pairwise(texts))]
