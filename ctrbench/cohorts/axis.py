"""An axis: an expression whose groups are disjoint cohorts, each with a rule that training can apply.

Quantiles are cut on the rows of the training split; nothing is made from validation or test rows.

Shape:
    E examples, G groups: codes (E,) in [-1, G), -1 outside every group.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.cohort_rule import equals, interval
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import LARGEST_NUMBER, NUMBERS, Manifest, Source
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.column import ColumnPart, parse_column
from ctrbench.registry import unknown

MOST_FACTORS = 2
MOST_GROUPS = 100
"""With more, comparing every pair of them to its shuffles takes hours."""


@dataclass(frozen=True)
class Group:
    """A cohort of an axis."""

    name: str
    rule: tuple[str, ...]


@dataclass(frozen=True)
class Axis:
    """The groups of an axis."""

    expression: str
    sources: tuple[Source, ...]
    """Of its columns: what a cohort is a set of. Two different ones: of rows."""
    groups: tuple[Group, ...]
    columns: tuple[str, ...]
    factors: tuple["_Factor", ...]

    def factor_codes(self, values: NDArray[np.integer]) -> NDArray[np.int64]:
        """The group (E, F) of each example in each of the F factors of the axis, given its codes and numbers (E, F) in
        the axis's columns."""
        return np.stack([factor.codes(values[:, place]) for place, factor in enumerate(self.factors)], 1)

    def codes(self, factors: NDArray[np.integer]) -> NDArray[np.int64]:
        """The group of each example, given its groups (E, F) in the factors; -1 where one of them is -1."""
        found = np.zeros(len(factors), dtype=np.int64)
        for place, factor in enumerate(self.factors):
            found = found * len(factor.groups) + factors[:, place]
        return np.where((factors < 0).any(1), -1, found)

    @property
    def source(self) -> Source:
        """What a cohort of the axis is a set of: users, items, or rows where the columns differ."""
        return self.sources[0] if len(set(self.sources)) == 1 else "row"


@dataclass(frozen=True)
class _Factor:
    column: str
    groups: tuple[Group, ...]
    upper: NDArray[np.int64] | None
    """The largest number of each bucket; None: the codes are the groups."""

    def codes(self, values: NDArray[np.integer]) -> NDArray[np.int64]:
        if self.upper is None:
            return values.astype(np.int64)
        found = np.searchsorted(self.upper, values, side="left")
        return np.where((values < 0) | (found == len(self.upper)), -1, found)


def read_axis(expression: str, prepared: Prepared) -> Axis:
    """The axis that an expression (:mod:`ctrbench.recipe.column`) means on a dataset.

    Raises:
        CtrbenchError: it is malformed, has an unknown column, one column twice or more than two, is cut at test rows,
            or has one group, too many, or two of one name.
    """
    parts = parse_column(expression)
    names = [part.name for part in parts]
    if len(parts) > MOST_FACTORS or len(set(names)) < len(names):
        raise CtrbenchError(f"axis {expression!r:.80}: want one column, or the product of two different ones")
    factors = tuple(_factor(part, prepared) for part in parts)
    groups = factors[0].groups
    for factor in factors[1:]:
        groups = tuple(Group(f"{a.name} x {b.name}", (*a.rule, *b.rule)) for a in groups for b in factor.groups)
    where = f"{prepared.manifest.name}: axis {expression!r}"
    if len(groups) < 2:
        raise CtrbenchError(f"{where} has a single group; two cohorts are needed")
    if len(groups) > MOST_GROUPS:
        raise CtrbenchError(f"{where} has {len(groups):,} groups, at most {MOST_GROUPS} are allowed; cut it into fewer")
    if twice := next((name for name, count in Counter(group.name for group in groups).items() if count > 1), None):
        raise CtrbenchError(f"{where}: two groups are named {twice!r}; rename a value of its cohorts")
    sources = tuple(_source(factor.column, prepared.manifest) for factor in factors)
    return Axis(expression, sources, groups, tuple(factor.column for factor in factors), factors)


def _source(column: str, manifest: Manifest) -> Source:
    if column in NUMBERS:
        return NUMBERS[column]
    return next(cohort.source for cohort in manifest.cohorts if cohort.name == column)


def _factor(part: ColumnPart, prepared: Prepared) -> _Factor:
    manifest, name = prepared.manifest, part.name
    cohorts = {cohort.name: cohort for cohort in manifest.cohorts}
    if name == "activeness":
        raise CtrbenchError(
            f"{manifest.name}: activeness is cut at click lengths of test users, which no cohort may depend on; use "
            "click_length/3"
        )
    if name not in cohorts and name not in NUMBERS:
        raise CtrbenchError(f"{manifest.name}: {unknown('axis', name, [*cohorts, *NUMBERS])}")
    if part.buckets is None and name in NUMBERS:
        raise CtrbenchError(f"{manifest.name}: {name} is a number; cut it into quantiles: {name}/10")
    if part.buckets is None:
        return _Factor(name, tuple(Group(value, (equals(name, value),)) for value in cohorts[name].values), None)
    upper, least = _quantiles(prepared, name, part.buckets)
    starts = [least, *(int(end) + 1 for end in upper[:-1])]
    named = cohorts[name].values if name in cohorts else None
    groups = [
        Group(_range_name(name, low, int(high), named), (interval(name, low, int(high)),))
        for low, high in zip(starts, upper, strict=True)
    ]
    return _Factor(name, tuple(groups), upper)


def _quantiles(prepared: Prepared, name: str, buckets: int) -> tuple[NDArray[np.int64], int]:
    """The largest number of each bucket on the training rows, the last open upwards, and the least number."""
    feed = Feed(prepared, DataSettings(minimum_history=0), cohorts=(name,))
    values = feed.cohort_codes(feed.training)[:, 0].cpu().numpy()
    values = values[values >= 0]
    upper = np.unique(np.quantile(values, np.arange(1, buckets + 1) / buckets, method="higher")).astype(np.int64)
    if name in NUMBERS:
        upper[-1] = LARGEST_NUMBER
    return upper, 0 if name in NUMBERS else int(values.min())


def _range_name(name: str, low: int, high: int, values: Sequence[str] | None) -> str:
    if values:
        return values[low] if low == high else f"{values[low]} to {values[high]}"
    if high == LARGEST_NUMBER:
        return f"{name} from {low}"
    return f"{name} {low}" if low == high else f"{name} {low} to {high}"
