"""Groups of rows: by activeness, by click length, by quantiles of any number.

Shape: n rows, G groups of a column.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from ctrbench.metrics.auc import grouped_auc
from ctrbench.metrics.ne import normalized_entropy
from ctrbench.metrics.ranking import Ranking
from ctrbench.metrics.row_loss import row_loss

OVERALL = "overall"
ACTIVENESS = ("non-active", "slightly-active", "highly-active")
"""Names of the codes of :func:`activeness_codes`."""

Count = Annotated[int, Ge(0)]
Level = Annotated[float, Ge(0)]

Column = tuple[NDArray[np.integer], Sequence[str]]
"""Codes ``(n,)`` in [-1, G), -1 outside every group, and the G names."""


@dataclass(frozen=True)
class GroupMetrics:
    """Metrics of one group of rows, sufficient for any later table.

    The bounds hold for the results of :func:`measure`; a record that breaks them is refused when it is read.
    """

    column: str
    """``overall``, ``activeness``, ``click_length`` or a cohort column."""
    group: str
    """``overall``, one of :data:`ACTIVENESS`, a range of click lengths, or a value of the cohort column."""
    rows: Count
    positives: Count
    auc: Annotated[float, Ge(0), Le(1)] | None
    """None where the group holds one class only."""
    logloss: Level | None
    """Natural log; None for scores that are not probabilities."""
    ne: Level | None
    """Logloss over the entropy of the group's own base rate; None like AUC or logloss."""
    calibration: Level | None
    """Mean prediction / mean label; None without positives or probabilities."""
    clipped: Count
    """Rows whose probability was clipped at 1e-12 for the logloss."""


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


def measure(
    label: NDArray[np.generic],
    score: NDArray[np.floating],
    columns: Mapping[str, Column],
    *,
    probabilities: bool = True,
) -> list[GroupMetrics]:
    """Metrics of all rows (first), then of every group of every column, in their order.

    Args:
        label: ``(n,)`` in {0, 1}.
        score: ``(n,)``; a higher score ranks higher.
        columns: Name of a column -> its codes and group names.
        probabilities: The scores are probabilities. Otherwise AUC is the only metric.

    Raises:
        ValueError: a score is NaN, or not a probability; a column's codes do not fit its names or the rows.
    """
    label = np.asarray(label, dtype=bool)
    score = np.asarray(score, dtype=np.float64)
    ranking = Ranking.of(score)
    per_row = [*row_loss(label, score), score] if probabilities else []
    measured = []
    for column, (codes, names) in {OVERALL: (np.zeros(len(label), np.int8), (OVERALL,)), **columns}.items():
        _check(column, codes, names, len(label))
        aucs = grouped_auc(label, ranking, codes, len(names))
        slots = codes.astype(np.intp) + 1  # slot 0 takes the rows outside every group
        rows, positives = _sums(slots, None, names), _sums(slots, label, names)
        sums = [_sums(slots, values, names) for values in per_row]
        for code, name in enumerate(names):
            counts = int(rows[code]), int(positives[code])
            measured.append(_metrics((column, name), counts, aucs[code], [float(total[code]) for total in sums]))
    return measured


def _metrics(group: tuple[str, str], counts: tuple[int, int], auc: float | None, sums: Sequence[float]) -> GroupMetrics:
    """``sums`` over the group's rows: loss, clipped, prediction; empty where scores are not probabilities."""
    rows, positives = counts
    if not sums or rows == 0:
        return GroupMetrics(*group, rows, positives, auc, None, None, None, 0)
    loss, clipped, predicted = sums
    return GroupMetrics(
        column=group[0],
        group=group[1],
        rows=rows,
        positives=positives,
        auc=auc,
        logloss=loss / rows,
        ne=normalized_entropy(loss / rows, positives, rows),
        calibration=predicted / positives if positives else None,
        clipped=int(clipped),
    )


def _sums(slots: NDArray[np.intp], values: NDArray[np.generic] | None, names: Sequence[str]) -> NDArray[np.float64]:
    """Sum of ``values`` (None: number of rows) in each of the G named groups."""
    return np.bincount(slots, values, len(names) + 1)[1:].astype(np.float64)


def _check(column: str, codes: NDArray[np.integer], names: Sequence[str], rows: int) -> None:
    if len(codes) != rows:
        raise ValueError(f"column {column!r} has {len(codes)} codes for {rows} rows")
    if rows and not (codes.min() >= -1 and codes.max() < len(names)):
        raise ValueError(f"column {column!r}: codes {codes.min()} to {codes.max()} do not fit {len(names)} names")
