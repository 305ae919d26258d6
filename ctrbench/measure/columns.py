"""The columns by which measured rows are cut into groups, and the facts of the data that a record needs.

Shape: R rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.schema import Cohort, Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.metrics.groups import (
    ACTIVENESS,
    OVERALL,
    Column,
    activeness_codes,
    click_length_bins,
    quantile_bins,
)
from ctrbench.recipe.column import MOST_BUCKETS, ColumnPart, parse_column, within
from ctrbench.registry import unknown
from ctrbench.store.record import DataFacts

if TYPE_CHECKING:
    from torch import Tensor

    from ctrbench.data.prepared import Prepared

Columns = dict[str, Column]

CLICK_LENGTH, POPULARITY = "click_length", "item_popularity"


def columns_of(prepared: "Prepared", rows: "Tensor", expressions: Iterable[str] = ()) -> Columns:
    """Group codes and names of ``activeness``, ``click_length``, every cohort column, and of column expressions
    (:mod:`ctrbench.recipe.column`), for rows (R,). Of ``within(COLUMN)`` they are those of COLUMN.

    Raises:
        CtrbenchError: an expression is malformed, names an unknown column, has too many groups, or two groups of one
            name.
    """
    check_columns(prepared.manifest, expressions := tuple(expressions))
    own = ["activeness", CLICK_LENGTH, *(cohort.name for cohort in prepared.manifest.cohorts)]
    wanted = dict.fromkeys([*own, *(each for each in expressions if each != OVERALL)])
    return {expression: _column(prepared, rows, within(expression) or expression) for expression in wanted}


def check_columns(manifest: Manifest, expressions: Iterable[str]) -> None:
    """Checks that a dataset has the columns that expressions name.

    Raises:
        CtrbenchError: an expression is malformed or names an unknown column.
    """
    cohorts = [cohort.name for cohort in manifest.cohorts]
    whole, numbers = ["activeness", CLICK_LENGTH, *cohorts], [CLICK_LENGTH, POPULARITY, *cohorts]
    for expression in expressions:
        for part in parse_column(within(expression) or expression) if expression != OVERALL else ():
            kind, known = ("number to cut", numbers) if part.buckets else ("column", whole)
            if part.name not in known:
                cause = unknown(f"{kind} of {manifest.name}", part.name, known)
                raise CtrbenchError(f"column {expression!r:.120}: {cause}")


def _column(prepared: "Prepared", rows: "Tensor", expression: str) -> Column:
    codes, names = _part(prepared, rows, (parts := parse_column(expression))[0])
    for part in parts[1:]:
        more, others = _part(prepared, rows, part)
        if len(names) * len(others) > MOST_BUCKETS:
            raise CtrbenchError(
                f"column {expression!r}: {len(names) * len(others):,} groups, at most {MOST_BUCKETS:,} are allowed; "
                "use fewer buckets or factors"
            )
        inside = (codes >= 0) & (more >= 0)
        codes = np.where(inside, codes.astype(np.int32) * len(others) + more, -1)
        names = tuple(f"{one} x {other}" for one in names for other in others)
    if twice := next((name for name, count in Counter(names).items() if count > 1), None):
        raise CtrbenchError(f"column {expression!r}: two groups are named {twice!r}; rename a value of its cohorts")
    return codes, names


def _part(prepared: "Prepared", rows: "Tensor", part: ColumnPart) -> Column:
    manifest = prepared.manifest
    cohorts: Mapping[str, Cohort] = {cohort.name: cohort for cohort in manifest.cohorts}
    if part.buckets:
        return quantile_bins(_numbers(prepared, rows, part.name, cohorts), part.buckets, part.name)
    if part.name == "activeness":
        return activeness_codes(_length(prepared, rows), manifest.activeness.cutoffs), ACTIVENESS
    if part.name == CLICK_LENGTH:
        return click_length_bins(_length(prepared, rows))
    cohort = cohorts[part.name]
    return prepared.per_row(cohort.source, cohort.name, rows), cohort.values


def _numbers(prepared: "Prepared", rows: "Tensor", name: str, cohorts: Mapping[str, Cohort]) -> NDArray[np.number]:
    if name == CLICK_LENGTH:
        return _length(prepared, rows)
    if name == POPULARITY:
        return prepared.per_row("item", "popularity", rows)
    codes = prepared.per_row(cohorts[name].source, name, rows)
    return np.where(codes < 0, np.nan, codes)  # -1 is outside every group


def _length(prepared: "Prepared", rows: "Tensor") -> NDArray[np.integer]:
    return prepared.per_row("row", "length", rows)


def data_facts(manifest: Manifest) -> DataFacts:
    """The facts of a record's data, without groups."""
    own = {name: getattr(manifest, name) for name in DataFacts.model_fields if name not in ("dataset", "groups")}
    return DataFacts(dataset=manifest.name, **own)
