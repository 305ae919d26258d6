"""The last check of prepared data: splits share nothing, no history reaches past its row, and names can be shown.

Source: protocol of the splits. Shapes: W rows by user, in time order; N clicks of the same users.
"""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctrbench.data.schema import NO_SPLIT, Cohort, Manifest, Split
from ctrbench.errors import CtrbenchError
from ctrbench.names import problem_of, problem_of_groups
from ctrbench.prepare.split import DAY


def check(
    rows: pa.Table,
    sequence: NDArray[np.int32],
    *,
    label: str,
    sampled: bool,
    apart: bool = False,
    horizon_days: int | None = None,
) -> None:
    """Checks one block of complete users, in the form to be written.

    Args:
        rows: columns ``user item time split start length`` and the click label.
        sequence: (N,) the items that these users clicked; ``start`` counts from its first element.
        label: name of the click label.
        sampled: rows of label 0 are stored negatives: each follows its positive and has its history.
        apart: a row's history has no click of the same time.
        horizon_days: number of days without a row of any split after train, after validation and, of the rows given
            here, after test; None: the splits may adjoin.

    Raises:
        CtrbenchError: a guarantee is broken; the error names the first such row. The defect is in the preparation or in
            the source format, never in the data.
    """
    column = {name: rows[name].to_numpy() for name in ("user", "item", "time", "split", "start", "length", label)}
    click = column[label] == 1
    _check_order(column)
    _check_splits(column, click)
    _check_histories(column, click, sequence, sampled=sampled, apart=apart)
    if horizon_days:
        _check_horizon(column["split"], (column["time"] // DAY).astype(np.float64), horizon_days)


def check_names(manifest: Manifest) -> None:
    """Checks the names that become part of a path or of a table's heading, whichever package provides the format.

    Raises:
        CtrbenchError: a label, field or cohort has an invalid name, or two have the same name; a group of a cohort has
            a name that a report cannot show.
    """
    columns = [field.name for field in manifest.fields] + [cohort.name for cohort in manifest.cohorts]
    for kind, names in (("label", manifest.labels), ("field or cohort", columns)):
        for name in names:
            if problem := problem_of(kind, name):
                raise CtrbenchError(f"{manifest.name}: {problem}; choose another")
    for name in (every := [*manifest.labels, *columns]):
        if every.count(name) > 1:
            raise CtrbenchError(f"{manifest.name}: two labels, fields or cohorts are called {name!r}; rename one")
    check_groups(manifest.name, manifest.cohorts)


def check_groups(dataset: str, cohorts: Iterable[Cohort]) -> None:
    """Checks the names of the cohorts' groups.

    Raises:
        CtrbenchError: a group has a name that a report cannot show.
    """
    for cohort in cohorts:
        if problem := problem_of_groups(cohort.values):
            raise CtrbenchError(f"{dataset}: cohort {cohort.name!r}: {problem}; rename it")


def _check_order(column: dict[str, NDArray[np.int64]]) -> None:
    same_user = np.diff(column["user"]) == 0
    _refuse(np.diff(column["user"]) < 0, "users are not contiguous")
    _refuse(same_user & (np.diff(column["time"]) < 0), "a user's rows are not in time order")
    order = column["user"].astype(np.int64) * (len(Split) + 1) + column["split"] - NO_SPLIT
    late = (order < np.maximum.accumulate(order)) & (column["split"] != NO_SPLIT)
    _refuse(late, "a row of an earlier split follows one of a later split")


def _check_splits(column: dict[str, NDArray[np.int64]], click: NDArray[np.bool_]) -> None:
    user, item, time, part = (column[name][click] for name in ("user", "item", "time", "split"))
    by_key = np.lexsort((part, time, item, user))
    equal = np.ones(max(len(by_key) - 1, 0), bool)
    for key in (user, item, time):
        equal &= np.diff(key[by_key]) == 0
    _refuse(equal & (np.diff(part[by_key]) != 0), "a (user, item, time) click is in two splits")


def _check_horizon(split: NDArray[np.int8], day: NDArray[np.float64], horizon_days: int) -> None:
    for earlier, later in pairwise(Split):
        free_until = day[split == earlier].max(initial=-np.inf) + horizon_days
        what = f"a row of {later.name.lower()} lies within the {horizon_days} days after {earlier.name.lower()}"
        _refuse((split == later) & (day <= free_until), what)
    what = f"the data end within the {horizon_days} days after a test row"
    _refuse((split == Split.TEST) & (day + horizon_days > day.max(initial=-np.inf)), what)


def _check_histories(
    column: dict[str, NDArray[np.int64]],
    click: NDArray[np.bool_],
    sequence: NDArray[np.int32],
    *,
    sampled: bool,
    apart: bool,
) -> None:
    user, time, start, length = (column[name] for name in ("user", "time", "start", "length"))
    _refuse(
        np.array([not np.array_equal(sequence, column["item"][click])]), "the sequence is not the clicks in row order"
    )
    clicks_before: NDArray[np.int64] = np.cumsum(click) - click
    before_user = clicks_before[np.searchsorted(user, user, side="left")]
    if sampled:
        anchor = np.maximum.accumulate(np.where(click, np.arange(len(click)), 0))
        foreign = [column[name] != column[name][anchor] for name in ("user", "time", "split", "start", "length")]
        _refuse(
            np.logical_or.reduce(foreign), "a stored negative differs from its positive in more than item and label"
        )
        clicks_before = clicks_before[anchor]
    _refuse(start != before_user, "a history does not start at its user's first click")
    _refuse((length < 0) | (start + length > clicks_before), "a history reaches to its row or past it")
    if apart and click.any():
        last = np.maximum(start + length - 1, 0)
        of_own_time = (length > 0) & (time[click][last] >= time)
        _refuse(of_own_time, "a history holds a click of its row's own time")


def _refuse(broken: NDArray[np.bool_], promise: str) -> None:
    if broken.any():
        raise CtrbenchError(
            f"guard: {promise} (row {int(broken.argmax()):,}, {int(broken.sum()):,} in all); nothing was written; "
            "report this with the card"
        )
