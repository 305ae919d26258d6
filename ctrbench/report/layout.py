"""The tables for reading, before any format: one block per dataset and backbone, a few grids of text in each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Self

from ctrbench.metrics.significance import Interval
from ctrbench.report.cells import NO_BACKBONE, Cell
from ctrbench.report.published import Metric

DASH = "-"
"""Stands for what is not defined: a group of one class, a spread of one seed, a verdict without a published value."""

NAMES: dict[Metric, str] = {"auc": "AUC", "ne": "NE"}
BETTER: dict[Metric, str] = {"auc": "higher is better", "ne": "lower is better"}


@dataclass(frozen=True)
class Grid:
    """A table of text."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    keys: int
    """Number of leading columns that name a row."""

    def without_empty_columns(self) -> Self:
        """Columns that hold dashes only, such as the intervals of one seed, are left out."""
        kept = [
            column
            for column in range(len(self.header))
            if column < self.keys or any(row[column] != DASH for row in self.rows)
        ]
        rows = tuple(tuple(row[column] for column in kept) for row in self.rows)
        return replace(self, header=tuple(self.header[column] for column in kept), rows=rows)


@dataclass(frozen=True)
class Block:
    """The grids of one dataset and backbone, whose rows are methods, in each variant."""

    title: str
    grids: tuple[Grid, ...]


def blocks(cells: Sequence[Cell], base: str) -> list[Block]:
    """Lays out the cells of :func:`ctrbench.report.comparison.cells`."""
    models = [cell for cell in cells if cell.backbone != NO_BACKBONE]
    found = []
    for dataset, backbone in dict.fromkeys((cell.dataset, cell.backbone) for cell in models):
        own = [cell for cell in models if (cell.dataset, cell.backbone) == (dataset, backbone)]
        references = [cell for cell in cells if cell.dataset == dataset and cell.backbone == NO_BACKBONE]
        seeds = max(cell.seeds for cell in own)
        title = f"{dataset} · {backbone} · {seeds} seed{'s' if seeds != 1 else ''}"
        grids = (
            _levels([*own, *references], "auc", seeds),
            _differences(own, "auc", base).without_empty_columns(),
            _beside_paper(own).without_empty_columns(),
            _levels([*own, *references], "ne", seeds),
            _differences(own, "ne", base).without_empty_columns(),
        )
        found.append(Block(title, tuple(grid for grid in grids if grid.rows)))
    return found


def _levels(cells: Sequence[Cell], metric: Metric, seeds: int) -> Grid:
    """One row per method, one column per group."""
    table = {((cell.variant, cell.method), cell.group): cell for cell in cells if cell.metric == metric}
    places, groups = list(dict.fromkeys(place for place, _ in table)), list(dict.fromkeys(group for _, group in table))
    names, header = _row_names(cells)
    rows = []
    for place in places:
        found = [table[place, group] for group in groups if (place, group) in table]
        fewer = 0 < (own := max(cell.seeds for cell in found)) < seeds
        *before, last = names(found[0])
        name = f"{last}, {own} seed{'s' if own != 1 else ''}" if fewer else last
        rows.append((*before, name, *(_with_spread(table.get((place, group))) for group in groups)))
    return Grid(f"{NAMES[metric]} ({BETTER[metric]})", (*header, *groups), tuple(rows), keys=len(header))


def _row_names(cells: Sequence[Cell]) -> tuple[Callable[[Cell], tuple[str, ...]], tuple[str, ...]]:
    """How a row is named, and the heading: by method, by variant where all are of one method, or by both."""
    models = [cell for cell in cells if cell.backbone != NO_BACKBONE]
    if not any(cell.variant for cell in models):
        return lambda cell: (cell.method,), ("method",)
    if len({cell.method for cell in models}) == 1:
        return lambda cell: (cell.variant or cell.method,), ("variant",)
    return lambda cell: (cell.variant or DASH, cell.method), ("variant", "method")


def _differences(cells: Sequence[Cell], metric: Metric, base: str) -> Grid:
    """One row per method and group: the difference to the base, with its interval and corrected p."""
    relaimpr = {(cell.variant, cell.method, cell.group): cell for cell in cells if cell.metric == "relaimpr"}
    own = [cell for cell in cells if cell.metric == metric and cell.method != base]
    names, keys = _row_names(cells)
    header: tuple[str, ...] = (*keys, "group", "change", "95 % interval", "p", "direction")
    rows: list[tuple[str, ...]] = [
        (
            *(*names(cell), cell.group),
            _number(cell.difference.delta if cell.difference else None, "{:+.4f}"),
            _span(cell.difference.interval if cell.difference else None, "{:+.4f}"),
            _p(cell.p),
            cell.direction or DASH,
        )
        for cell in own
    ]
    if metric == "auc":
        cut = len(keys) + 1
        header = (*header[:cut], "RelaImpr", *header[cut:])
        gains = [_number(relaimpr[cell.variant, cell.method, cell.group].mean, "{:+.2f} %") for cell in own]
        rows = [(*row[:cut], gain, *row[cut:]) for row, gain in zip(rows, gains, strict=True)]
    return Grid(f"{NAMES[metric]} against {base}", header, tuple(rows), keys=len(keys) + 1)


def _beside_paper(cells: Sequence[Cell]) -> Grid:
    """One row per published AUC."""
    names, keys = _row_names(cells)
    header = (*keys, "group", "AUC", "95 % interval", "paper", "off by", "AUC is", "its gain", "direction")
    rows = [
        (
            *(*names(cell), cell.group),
            _number(cell.mean, "{:.4f}"),
            _span(cell.interval, "{:.4f}"),
            _number(cell.published, "{:.4f}"),
            _number(_off_by(cell), "{:+.4f}"),
            cell.value_verdict or DASH,
            _number(cell.published_delta, "{:+.4f}"),
            cell.agreement or DASH,
        )
        for cell in cells
        if cell.metric == "auc" and cell.published is not None
    ]
    return Grid("AUC beside the paper", header, tuple(rows), keys=len(keys) + 1)


def _off_by(cell: Cell) -> float | None:
    return None if cell.mean is None or cell.published is None else cell.mean - cell.published


def _with_spread(cell: Cell | None) -> str:
    if cell is None or cell.mean is None:
        return DASH
    return f"{cell.mean:.4f}" if cell.std is None else f"{cell.mean:.4f} ± {cell.std:.4f}"


def _number(value: float | None, form: str) -> str:
    return DASH if value is None else form.format(value)


def _span(interval: Interval | None, form: str) -> str:
    return DASH if interval is None else f"[{form.format(interval.low)}, {form.format(interval.high)}]"


def _p(value: float | None) -> str:
    return DASH if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"
