"""Published values, read from the CSV files of :mod:`ctrbench.published`."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

from ctrbench.metrics.groups import OVERALL
from ctrbench.places import card_name
from ctrbench.registry import unknown

Metric = Literal["auc", "relaimpr", "ne"]
METRICS: tuple[Metric, ...] = ("auc", "relaimpr", "ne")

TABLES = ("aqcl_table2", "aqcl_table3")
"""The files with one row per dataset, backbone, method and (table 2) group."""
COUNTS = ("aqcl_table1",)
"""The files with one row per dataset."""

STANDS_FOR = {"oncold-sim": "oncold"}
"""Dataset of ours -> the private one whose published rows it is laid beside, without being comparable."""


class Counts(NamedTuple):
    """The size of a dataset; samples are interactions."""

    users: int
    items: int
    samples: int


@dataclass(frozen=True)
class Published:
    """The values of one published table."""

    values: Mapping[tuple[str, str, str, str, Metric], float]
    """(dataset, backbone, method, group, metric) -> value; RelaImpr in percent."""

    def value(self, dataset: str, backbone: str, method: str, group: str, metric: Metric) -> float | None:
        """The published value of a cell, or None. Datasets carry our names, with
        changes to their card or without."""
        return self.values.get((published_name(dataset), backbone, method, group, metric))


def published_name(dataset: str) -> str:
    """The published tables' name of one of our datasets."""
    name = card_name(dataset)
    return STANDS_FOR.get(name, name)


@cache
def read_published(table: str | None) -> Published:
    """The values of a table of :data:`TABLES`; without any where ``table`` is None.

    Raises:
        CtrbenchError: no such table.
    """
    if table is None:
        return Published({})
    values: dict[tuple[str, str, str, str, Metric], float] = {}
    for row in _rows(table, TABLES):
        place = row["dataset"], row["backbone"], row["method"], row.get("group", OVERALL)
        values[(*place, "auc")] = float(row["auc"])
        if "relaimpr_percent" in row:
            values[(*place, "relaimpr")] = float(row["relaimpr_percent"])
    return Published(values)


@cache
def read_counts(table: str | None) -> Mapping[str, Counts]:
    """Published name of a dataset -> its size, of a table of :data:`COUNTS`; without any where ``table`` is None.

    Raises:
        CtrbenchError: no such table.
    """
    if table is None:
        return {}
    return {row["dataset"]: Counts(*(int(row[name]) for name in Counts._fields)) for row in _rows(table, COUNTS)}


def _rows(table: str, known: Sequence[str]) -> list[dict[str, str]]:
    if table not in known:
        raise unknown("published table", table, known)
    with resources.files("ctrbench.published").joinpath(f"{table}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
