"""Published values, read from the CSV files of :mod:`ctrbench.published`."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

from ctrbench.metrics.groups import OVERALL
from ctrbench.places import card_name
from ctrbench.registry import unknown

Metric = Literal["auc", "relaimpr", "ne"]
METRICS: tuple[Metric, ...] = ("auc", "relaimpr", "ne")

TABLES = ("aqcl_table2", "aqcl_table3")
"""The files with one row per dataset, backbone, method and (table 2) group."""

STANDS_FOR = {"oncold-sim": "oncold"}
"""Dataset of ours -> the private one whose published rows it is laid beside, without being comparable."""


@dataclass(frozen=True)
class Published:
    """The values of one published table."""

    values: Mapping[tuple[str, str, str, str, Metric], float]
    """(dataset, backbone, method, group, metric) -> value; RelaImpr in percent."""

    def value(self, dataset: str, backbone: str, method: str, group: str, metric: Metric) -> float | None:
        """The published value of a cell, or None. Datasets carry our names, with
        changes to their card or without."""
        name = card_name(dataset)
        return self.values.get((STANDS_FOR.get(name, name), backbone, method, group, metric))


@cache
def read_published(table: str | None) -> Published:
    """The values of a table of :data:`TABLES`; without any where ``table`` is None.

    Raises:
        CtrbenchError: no such table.
    """
    if table is None:
        return Published({})
    if table not in TABLES:
        raise unknown("published table", table, TABLES)
    values: dict[tuple[str, str, str, str, Metric], float] = {}
    with resources.files("ctrbench.published").joinpath(f"{table}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            place = row["dataset"], row["backbone"], row["method"], row.get("group", OVERALL)
            values[(*place, "auc")] = float(row["auc"])
            if "relaimpr_percent" in row:
                values[(*place, "relaimpr")] = float(row["relaimpr_percent"])
    return Published(values)
