"""Published values, read from the CSV files of :mod:`ctrbench.published`."""

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import NamedTuple

from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.metrics.groups import OVERALL
from ctrbench.places import card_name
from ctrbench.registry import unknown

PLACE = ("dataset", "backbone", "method")
"""Columns of a file whose rows are shown beside ours; ``task`` and ``group`` may follow."""

STANDS_FOR = {"oncold-sim": "oncold"}
"""Our dataset -> the private dataset that it stands in for: published rows are shown beside ours, not compared."""


class Counts(NamedTuple):
    """The size of a dataset; samples are interactions."""

    users: int
    items: int
    samples: int


@dataclass(frozen=True)
class Published:
    """The values of one published table."""

    values: Mapping[tuple[str, str, str, str, str, str], float]
    """(dataset, backbone, method, task, group, metric) -> value; the task is empty in a table that names none."""

    def value(self, dataset: str, backbone: str, method: str, group: str, metric: str, *tasks: str) -> float | None:
        """The published value of a cell under the first of several names of its task that has one, else None.

        Datasets have our names, with or without changes to the card.
        """
        place = published_name(dataset), backbone, method
        found = (self.values.get((*place, task, group, metric)) for task in tasks or ("",))
        return next((value for value in found if value is not None), None)


def published_name(dataset: str) -> str:
    """The name that the published tables use for one of our datasets."""
    name = card_name(dataset)
    return STANDS_FOR.get(name, name)


@cache
def read_published(table: str | None) -> Published:
    """The values of a table whose rows are named by :data:`PLACE`; empty if ``table`` is None.

    Raises:
        CtrbenchError: the table does not exist.
    """
    if table is None:
        return Published({})
    values: dict[tuple[str, str, str, str, str, str], float] = {}
    columns = _metric_columns()
    for row in _rows(table, PLACE):
        place = row["dataset"], row["backbone"], row["method"], row.get("task", ""), row.get("group", OVERALL)
        values |= {(*place, metric): float(row[name]) for name, metric in columns.items() if row.get(name)}
    return Published(values)


@cache
def read_counts(table: str | None) -> Mapping[str, Counts]:
    """Published name of a dataset -> its size; empty if ``table`` is None.

    Raises:
        CtrbenchError: the table does not exist.
    """
    if table is None:
        return {}
    rows = _rows(table, ("dataset", *Counts._fields))
    return {row["dataset"]: Counts(*(int(row[name]) for name in Counts._fields)) for row in rows}


def _metric_columns() -> dict[str, str]:
    """Column of a published file -> metric: a metric's name, or that of its relative form with its unit."""
    metrics = [METRICS.get(name) for name in METRICS.names()]
    relative = {f"{m.relative.name}_{m.relative.unit}": m.relative.name for m in metrics if m.relative}
    return {metric.name: metric.name for metric in metrics} | relative


def _rows(table: str, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a file that has certain columns."""
    known = [path.name.removesuffix(".csv") for path in _files() if set(columns) <= set(_read(path.name)[0])]
    if table not in known:
        raise unknown("published table", table, known)
    header, *lines = _read(f"{table}.csv")
    try:
        return [dict(zip(header, line, strict=True)) for line in lines]
    except ValueError:
        raise CtrbenchError(f"published table {table}: a line has another number of fields than the header") from None


def _files() -> list[resources.abc.Traversable]:
    return [path for path in resources.files("ctrbench.published").iterdir() if path.name.endswith(".csv")]


def _read(name: str) -> list[list[str]]:
    with resources.files("ctrbench.published").joinpath(name).open(encoding="utf-8") as file:
        return list(csv.reader(file))
