"""Metrics of all rows and of every group of every column.

Shape: n rows, G groups of a column.
"""

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Left, Metric
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.groups import OVERALL, Column
from ctrbench.metrics.sample import Sample


@dataclass(frozen=True)
class Groups:
    """The groups of one column, each a list of G entries."""

    names: list[str]
    rows: list[int]
    positives: list[int]


@dataclass(frozen=True)
class Measured:
    """Values of metrics by column and group; the column ``overall`` comes first and has one group, ``overall``."""

    groups: dict[str, Groups]
    """By column."""
    values: dict[str, dict[str, list[float | None]]]
    """By metric and column: G values; None where the group leaves the metric undefined."""
    clipped: int
    """Rows whose probability was clipped for the logloss."""
    left_out: dict[str, dict[str, Left]]
    """By metric and column: for each group, the values without each block of users; of the metrics that support it."""

    def rows(self) -> Iterator[tuple[str, str, str, float | None]]:
        """Yields (column, group, metric, value), column by column and group by group."""
        for column, groups in self.groups.items():
            for place, group in enumerate(groups.names):
                for metric, values in self.values.items():
                    yield column, group, metric, values[column][place]


def measure(
    sample: Sample,
    columns: Mapping[str, Column],
    metrics: Sequence[str] | None = None,
    *,
    blocks: Blocks | None = None,
    by_block: Container[str] = (),
    within: Container[str] = (),
) -> Measured:
    """Measures a sample.

    Args:
        sample: n rows of one task.
        columns: Name of a column -> its codes and group names.
        metrics: Names in :data:`METRICS`; None for all that can be loaded, without those that need true probabilities
            where the sample has none. A metric that is not defined on the sample has the value None everywhere.
        blocks: Blocks of users, each of which is left out in turn.
        by_block: The columns, ``overall`` among them, for which this is done.
        within: The columns that are measured as one group of the column's name, with rows compared within the column's
            groups only (:meth:`ctrbench.metrics.base.Metric.within`).

    Raises:
        ValueError: a score is not a probability although the sample says so; a column is named ``overall``, its group
            names repeat, or its codes do not fit its names or the rows.
        CtrbenchError: nobody registered a metric.
    """
    if OVERALL in columns:
        raise ValueError(f"a column is named {OVERALL!r}, which stands for all rows")
    usable = {name: metric for name, metric in METRICS.usable().items() if metric.knows(sample)}
    registered = usable if metrics is None else {name: METRICS.get(name) for name in metrics}
    groups: dict[str, Groups] = {}
    values: dict[str, dict[str, list[float | None]]] = {name: {} for name in registered}
    left_out: dict[str, dict[str, Left]] = {}
    everything: Column = (np.zeros(len(sample.label), np.int8), (OVERALL,))
    for column, (codes, names) in {OVERALL: everything, **columns}.items():
        _check(column, codes, names, len(sample.label))
        fixed = np.array(codes)
        fixed.setflags(write=False)  # lets the metrics share their sums by group
        cut = _Within(sample, fixed, len(names)) if column in within else _Cut(sample, fixed, len(names))
        groups[column] = cut.named(column, names)
        for name, metric in registered.items():
            defined = metric.defined_on(sample)
            values[name][column] = cut.values(metric) if defined else [None] * len(groups[column].names)
            if blocks and column in by_block and defined and (left := cut.left_out(metric, blocks)) is not None:
                left_out.setdefault(name, {})[column] = left
    return Measured(groups, values, sample.clipped, left_out)


@dataclass(frozen=True, eq=False)
class _Cut:
    """A sample cut by a column: its groups are measured one by one."""

    sample: Sample
    codes: NDArray[np.integer]
    """``(n,)`` read-only."""
    groups: int
    """G."""

    def named(self, column: str, names: Sequence[str]) -> Groups:
        del column
        totals = self.sample.totals(self.codes, self.groups)
        return Groups(list(names), totals.rows.tolist(), totals.positives.tolist())

    def values(self, metric: type[Metric]) -> list[float | None]:
        return metric.by_group(self.sample, self.codes, self.groups)

    def left_out(self, metric: type[Metric], blocks: Blocks) -> Left | None:
        return metric.without_each_block(self.sample, self.codes, self.groups, blocks)


class _Within(_Cut):
    """A sample cut by a column: its groups are measured together, rows being compared within them only."""

    def named(self, column: str, names: Sequence[str]) -> Groups:
        groups = super().named(column, names)
        return Groups([column], [sum(groups.rows)], [sum(groups.positives)])

    def values(self, metric: type[Metric]) -> list[float | None]:
        return [metric.within(self.sample, self.codes, self.groups)]

    def left_out(self, metric: type[Metric], blocks: Blocks) -> Left | None:
        left = metric.within_without_each_block(self.sample, self.codes, self.groups, blocks)
        return None if left is None else [left]


def _check(column: str, codes: NDArray[np.integer], names: Sequence[str], rows: int) -> None:
    if len(codes) != rows:
        raise ValueError(f"column {column!r} has {len(codes)} codes for {rows} rows")
    if rows and not (codes.min() >= -1 and codes.max() < len(names)):
        raise ValueError(f"column {column!r}: codes {codes.min()} to {codes.max()} do not fit {len(names)} names")
    name, times = Counter(names).most_common(1)[0] if names else ("", 0)
    if times > 1:
        raise ValueError(f"column {column!r} has {times} groups named {name!r}")
