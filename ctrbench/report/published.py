"""Published values, read from the CSV files of :mod:`ctrbench.published`."""

import csv
import re
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
    """The values of a table whose rows are named by :data:`PLACE`; empty if ``table`` is None, or has other rows.

    Raises:
        CtrbenchError: the table does not exist.
    """
    if table is None or table not in _known(PLACE):
        _require(table)
        return Published({})
    values: dict[tuple[str, str, str, str, str, str], float] = {}
    columns = _metric_columns()
    for row in _rows(table, PLACE):
        place = row["dataset"], row["backbone"], row["method"], row.get("task", ""), row.get("group", OVERALL)
        values |= {(*place, metric): float(row[name]) for name, metric in columns.items() if row.get(name)}
    return Published(values)


class AxisValues(NamedTuple):
    """What C2AL's table 1 has of an axis, in percent: its own columns, in its own order."""

    head_positive_label_ratio_percent: float
    tail_positive_label_ratio_percent: float
    overall_ne_diff_percent: float
    head_ne_diff_percent: float
    tail_ne_diff_percent: float

    def change(self, part: str) -> float:
        """NE_diff of ``overall``, ``head`` or ``tail``."""
        return float(getattr(self, f"{part}_ne_diff_percent"))

    def positives(self, part: str) -> float | None:
        """Share of positives in ``head`` or ``tail``; None for ``overall``, of which the paper has none."""
        return getattr(self, f"{part}_positive_label_ratio_percent", None)


@cache
def read_axes(table: str | None) -> Mapping[str, AxisValues]:
    """Name of an axis -> its published values; empty if ``table`` is None, or has other rows.

    Raises:
        CtrbenchError: the table does not exist.
    """
    columns = ("axis", *AxisValues._fields)
    if table is None or table not in _known(columns):
        _require(table)
        return {}
    rows = _rows(table, columns)
    return {row["axis"]: AxisValues(*(float(row[name]) for name in AxisValues._fields)) for row in rows}


class PrivateChange(NamedTuple):
    """A change in NE that a paper reports of a private model, or of a part of the users of one."""

    percent: float
    """NE_diff."""
    model: str = ""
    """The paper's name of the model; empty in a figure of one model."""
    label: str = ""
    """What the model predicts."""
    column: str = ""
    """The column of percentiles that cuts the users; empty for all of them."""
    low: float = 0.0
    high: float = 100.0
    """The percentiles that it is about."""

    def is_about(self, column: str, group: str) -> bool:
        """Whether a group of a column, such as ``5-10 %``, lies within its percentiles."""
        ends = re.fullmatch(r"([0-9.]+)-([0-9.]+) %", group)
        if ends is None or column != self.column:
            return False
        return self.low <= float(ends[1]) and float(ends[2]) <= self.high


@cache
def read_private(table: str | None) -> tuple[PrivateChange, ...]:
    """The changes in a table of private models (``model``, ``label``) or of percentiles of a column; empty if ``table``
    is None, or has other rows.

    Raises:
        CtrbenchError: the table does not exist.
    """
    models, percent = ("model", "label", "ne_diff_percent"), "ne_diff_percent_read_from_plot"
    if table in _known(models):
        return tuple(
            PrivateChange(float(row["ne_diff_percent"]), row["model"], row["label"]) for row in _rows(table, models)
        )
    if table is None or table not in _known((percent,)):
        _require(table)
        return ()
    column = next(name for name in _read(f"{table}.csv")[0] if name.endswith("_low")).removesuffix("_low")
    return tuple(
        PrivateChange(
            float(row[percent]), column=column, low=float(row[f"{column}_low"]), high=float(row[f"{column}_high"])
        )
        for row in _rows(table, (percent,))
    )


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
    metrics = METRICS.usable().values()
    relative = {f"{m.relative.name}_{m.relative.unit}": m.relative.name for m in metrics if m.relative}
    return {metric.name: metric.name for metric in metrics} | relative


def _rows(table: str, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a file that has certain columns."""
    if table not in _known(columns):
        raise unknown("published table", table, _known(columns))
    header, *lines = _read(f"{table}.csv")
    try:
        return [dict(zip(header, line, strict=True)) for line in lines]
    except ValueError:
        raise CtrbenchError(f"published table {table}: a line has another number of fields than the header") from None


def _known(columns: Collection[str] = ()) -> list[str]:
    """The files that have certain columns."""
    return [path.name.removesuffix(".csv") for path in _files() if set(columns) <= set(_read(path.name)[0])]


def _require(table: str | None) -> None:
    if table is not None and table not in _known():
        raise unknown("published table", table, _known())


def _files() -> list[resources.abc.Traversable]:
    return [path for path in resources.files("ctrbench.published").iterdir() if path.name.endswith(".csv")]


def _read(name: str) -> list[list[str]]:
    with resources.files("ctrbench.published").joinpath(name).open(encoding="utf-8") as file:
        return list(csv.reader(file))
