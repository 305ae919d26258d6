"""Raw columns become codes: ids of fields, groups of cohorts.

Shapes: E entities (users or items with the reserved 0, or rows), R training rows or positives.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ctrbench.data.schema import Cohort, Field
from ctrbench.errors import CtrbenchError
from ctrbench.names import problem_of_groups
from ctrbench.prepare.card import CohortSettings, ColumnSettings, FieldSettings


def encode_field(
    settings: FieldSettings, raw: pd.Series, training: NDArray[np.int64]
) -> tuple[NDArray[np.int32], Field]:
    """Ids from 1 by sorted value or bucket; 0 is a missing value, or a row's value that no training row has.

    The catalogue of items and users is known beforehand, so each of its values gets an id; edges of buckets come from
    the training rows.

    Args:
        settings: the field on the card.
        raw: (E,) raw values.
        training: (R,) the entity of each training row, clicked or not.

    Raises:
        CtrbenchError: ``quantiles`` of a column that does not hold numbers.
    """
    if settings.quantiles:
        numbers = numbers_of(settings, raw)
        edges = np.unique(quantile_edges(numbers[training], settings.quantiles))
        codes = np.where(np.isnan(numbers), 0, np.searchsorted(edges, numbers, side="left") + 1)
        return codes.astype(np.int32), Field(name=settings.name, source=settings.source, size=len(edges) + 2)
    known = raw.iloc[training] if settings.source == "row" else raw
    values = _sorted_values(known)
    codes = pd.Index(values).get_indexer(pd.Index(raw)) + 1
    return codes.astype(np.int32), Field(name=settings.name, source=settings.source, size=len(values) + 1)


def encode_cohort(
    settings: CohortSettings, raw: pd.Series, training: NDArray[np.int64]
) -> tuple[NDArray[np.int16], Cohort]:
    """Codes of the groups; -1 is outside every group.

    Args:
        settings: the cohort on the card.
        raw: (E,) raw values.
        training: (R,) the entity of each training row, whose values are the groups; for ``quantiles`` and ``size`` the
            entity of each training positive, whose values decide the edges.

    Raises:
        CtrbenchError: ``quantiles`` of a column that does not hold numbers, more values than an int16 can hold,
            or a value that cannot be the name of a group.
    """
    if settings.cut == "values":
        values = _sorted_values(raw.iloc[training])
        codes = pd.Index(values).get_indexer(pd.Index(raw))
        names = tuple(str(value) for value in values)
    else:
        measure = _sizes(raw, training) if settings.cut == "size" else numbers_of(settings, raw)
        edges = quantile_edges(measure[training], len(settings.buckets))
        codes = np.where(np.isnan(measure), -1, np.searchsorted(edges, measure, side="left"))
        names = _named(settings.buckets, edges)
    if settings.unknown is not None:
        codes = np.where(raw.isna(), len(names), codes)
        names = (*names, settings.unknown)
    if len(names) > np.iinfo(np.int16).max:
        raise CtrbenchError(f"cohort {settings.name!r}: {len(names):,} groups; cut it by quantiles or size on the card")
    if problem := problem_of_groups(names):
        raise CtrbenchError(
            f"cohort {settings.name!r}, column {settings.raw_column!r}: {problem}; rename the value in the file"
        )
    return codes.astype(np.int16), Cohort(name=settings.name, source=settings.source, values=names)


def _sorted_values(raw: pd.Series) -> NDArray[np.object_]:
    values = raw.dropna().unique()
    # Values of mixed types cannot be compared.
    ordered: list[object] = sorted(values, key=lambda value: (str(type(value)), value))
    return np.array(ordered, dtype=object)


def numbers_of(settings: ColumnSettings, raw: pd.Series) -> NDArray[np.float64]:
    """The values as numbers, NaN where missing.

    Raises:
        CtrbenchError: a value is not a number.
    """
    numbers = pd.to_numeric(raw, errors="coerce")
    if (numbers.isna() & raw.notna()).any():
        wrong = raw[numbers.isna() & raw.notna()].iloc[0]
        raise CtrbenchError(
            f"{settings.name!r}: {wrong!r} of column {settings.raw_column!r} is not a number; name another column on "
            "the card, or take one group or id per value"
        )
    return numbers.to_numpy(dtype=np.float64)


def statistic_of(
    settings: ColumnSettings, raw: pd.Series, training: NDArray[np.int64], entities: int
) -> "pd.Series[float]":
    """The statistic (E,) of each entity's training values, NaN for an entity without any.

    Args:
        settings: a field or cohort with a statistic.
        raw: (R,) value of each training positive.
        training: (R,) entity of each training positive.
        entities: E.

    Raises:
        CtrbenchError: a value is not a number.
    """
    numbers = pd.Series(numbers_of(settings, raw), index=training).dropna()
    return numbers.groupby(level=0).agg(settings.statistic).reindex(range(entities))


def _sizes(raw: pd.Series, training: NDArray[np.int64]) -> NDArray[np.float64]:
    size = raw.iloc[training].value_counts()
    sizes = raw.map(size.to_dict()).astype(np.float64).fillna(0).where(raw.notna())
    return np.asarray(sizes, np.float64)


def quantile_edges(training: NDArray[np.floating], buckets: int) -> NDArray[np.float64]:
    """Edges (buckets - 1,) that cut numbers (R,), NaN where missing, into buckets of equal shares."""
    known = training[~np.isnan(training)]
    if not len(known):
        return np.zeros(buckets - 1)
    # An edge is a value that occurs, so that all rows of a tie go to the lower bucket.
    return np.asarray(np.quantile(known, np.arange(1, buckets) / buckets, method="inverted_cdf"), np.float64)


def _named(buckets: tuple[str, ...], edges: NDArray[np.float64]) -> tuple[str, ...]:
    if not len(edges):
        return buckets
    names = [f"{buckets[0]} (to {edges[0]:g})"]
    names += [f"{name} (to {edge:g})" for name, edge in zip(buckets[1:-1], edges[1:], strict=True)]
    return (*names, f"{buckets[-1]} (above {edges[-1]:g})")
