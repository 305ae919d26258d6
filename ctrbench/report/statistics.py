"""From records to cells: means over seeds, differences to the base, verdicts, for any metric and any task.

Which comparisons belong together is in :mod:`ctrbench.report.families`.
"""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.report.cells import NO_BACKBONE, Cell
from ctrbench.report.families import Family, Group, Measured, RelativeFamily
from ctrbench.report.select import ReferenceRow, ReportData, ReportRow
from ctrbench.store.record import GroupMetrics, Groups, Reference

REFERENCES: dict[Reference, str] = {
    "popularity": "item popularity",
    "item_id": "item id",
    "clicked_before": "clicked before",
    "random": "random",
    "oracle": "oracle",
}
"""Method of a reference row, in the order of the table."""

REFERENCE_MEANINGS = {
    REFERENCES["item_id"]: "the order of items in the source",
    REFERENCES["clicked_before"]: "how often the user clicked the item before",
    REFERENCES["oracle"]: "the true probabilities",
}
"""Method of a reference row -> what it ranks by, where the name does not say it."""


def tasks_of(data: ReportData) -> list[str]:
    """The tasks of the finished jobs, in their order."""
    return list(dict.fromkeys(task for row in data.rows for task in row.record.tasks))


@lru_cache(maxsize=64)
def cells(data: ReportData, metric: str, by: str) -> tuple[Cell, ...]:
    """The cells of a metric: by dataset, backbone, variant, task, method (the base first), group (``overall`` first),
    each followed by its relative form if the metric has one.

    Reference rows follow a dataset's models.

    Args:
        data: the table's rows, in the order in which it shows them.
        metric: name of a registered metric.
        by: the column that cuts the rows; ``overall`` for no cut.

    Raises:
        CtrbenchError: no finished job; no job has measured the column or the metric; two jobs for one row and seed,
            or jobs on two versions of the data.
    """
    check_rows(data)
    registered = _measured_metric(data, metric)
    check_column(data, by)
    tasks = tasks_of(data)
    found: list[Cell] = []
    for dataset in dict.fromkeys(row.key.dataset for row in data.rows):
        own = [row for row in data.rows if row.key.dataset == dataset]
        for place in dict.fromkeys((row.key.backbone, row.key.variant) for row in own):
            block = [row for row in own if (row.key.backbone, row.key.variant) == place]
            for task in tasks:
                found += _block(data, block, task, registered, by)
        for task in tasks:
            found += _references(data, dataset, task, metric, by)
    return tuple(found)


def merged(data: ReportData, shown: Iterable[tuple[str, str]]) -> list[Cell]:
    """The cells of several metrics, each cut by a column; metrics of the same model and group follow each other."""
    places: dict[tuple[str, ...], dict[str, Cell]] = {}
    for metric, by in shown:
        for cell in cells(data, metric, by):
            place = cell.dataset, cell.backbone, cell.variant, cell.task, cell.method, cell.column, cell.group
            places.setdefault(place, {}).setdefault(cell.metric, cell)
    return [cell for own in places.values() for cell in own.values()]


def check_rows(data: ReportData) -> None:
    """Refuses rows that no table can show together.

    Raises:
        CtrbenchError: the data have no row, two jobs for one row and seed, or jobs on two versions of a dataset or of a
            task.
    """
    name = data.recipe.name
    if not data.rows:
        raise CtrbenchError(f"{name}: no finished run yet; start with {data.recipe.command('run')}")
    prints: dict[str, str] = {}
    definitions: dict[tuple[str, str], str] = {}
    places = set()
    for row in data.rows:
        record, dataset, own = row.record, row.key.dataset, row.record.dataset
        if prints.setdefault(own, record.fingerprint) != record.fingerprint:
            raise CtrbenchError(
                f"{name}: runs on two versions of {own} ({prints[own][:12]} and {record.fingerprint[:12]}) "
                "cannot share one table; run the older ones again"
            )
        for task, metrics in record.tasks.items():
            if (first := definitions.setdefault((dataset, task), metrics.definition)) != metrics.definition:
                raise CtrbenchError(
                    f"{name}: two tasks of {dataset} are called {task} ({first} and {metrics.definition}), where a "
                    "table holds one; give one of them another name"
                )
        if (place := (row.key, record.seed)) in places:
            raise CtrbenchError(
                f"{name}: two runs of {row.key} with seed {record.seed}, where a table holds one; name a recipe that "
                "runs one of them"
            )
        places.add(place)


def check_column(data: ReportData, by: str) -> None:
    """Refuses a column by which the rows cannot be cut.

    Raises:
        NothingToShowError: no job has measured it, jobs on one dataset have measured it with different groups, or only
            some of them without each block of users, so that some differences would lack an error.
    """
    name, known = data.recipe.name, {OVERALL}
    groups: dict[tuple[str, str], Groups] = {}
    errors: dict[str, set[bool]] = {}
    for row in data.rows:
        for metrics in row.record.tasks.values():
            known |= {column for columns in metrics.values.values() for column in columns}
            own = row.facts.groups.get(metrics.definition, {}).get(by)
            if own is None:
                continue
            first = groups.setdefault((row.key.dataset, metrics.definition), own)
            if data.recipe.worlds and first.names != own.names:
                raise NothingToShowError(
                    f"{name}: column {by!r} has other groups in other worlds of {row.key.dataset}, whose means would "
                    "be of unlike rows"
                )
            if first != own and not data.recipe.worlds:
                raise NothingToShowError(
                    f"{name}: runs on {row.key.dataset} were measured with two versions of column {by!r}; measure them "
                    f"again: {data.recipe.command('measure')}"
                )
        if by != OVERALL and not data.recipe.worlds:
            errors.setdefault(row.key.dataset, set()).add(_has_user_error(row, by))
    if partly := next((dataset for dataset, found in errors.items() if len(found) > 1), None):
        raise NothingToShowError(
            f"{name}: only some runs on {partly} have the error of the sample of users by column {by!r}; measure "
            f"it for all: {data.recipe.command('measure', '--by', shlex.quote(by))}"
        )
    if by not in known:
        raise NothingToShowError(
            f"{name}: no finished run has measured column {by!r} (measured: {', '.join(sorted(known))}); measure it: "
            f"{data.recipe.command('measure', '--by', shlex.quote(by))}"
        )


def _has_user_error(row: ReportRow, column: str) -> bool:
    return any(column in columns for own in row.record.tasks.values() for columns in own.left_out.values())


def _measured_metric(data: ReportData, name: str) -> type[Metric]:
    metric = METRICS.get(name)
    if not any(name in metrics.values for row in data.rows for metrics in row.record.tasks.values()):
        raise NothingToShowError(
            f"{data.recipe.name}: no finished run has measured {metric.label}; measure it: "
            f"{data.recipe.command('measure')}"
        )
    return metric


def _block(data: ReportData, rows: Sequence[ReportRow], task: str, metric: type[Metric], by: str) -> list[Cell]:
    """Cells of one task of one dataset, backbone and variant."""
    having = sorted((row for row in rows if task in row.record.tasks), key=lambda row: row.record.seed)
    if not having:
        return []
    names = dict.fromkeys(row.key.method for row in rows)
    methods = sorted(names, key=lambda method: method != data.recipe.base)
    groups: dict[Group, dict[str, dict[int, Measured]]] = {}
    for row in having:
        metrics = row.record.tasks[task]
        for column in dict.fromkeys((OVERALL, by)):
            for place, own in enumerate(row.record.groups(row.facts, task, column)):
                by_method = groups.setdefault((own.column, own.group), {method: {} for method in methods})
                if (value := own.values.get(metric.name)) is not None:
                    # Over redrawn worlds, the spread holds the error of the sample of users already.
                    left = None if data.recipe.worlds else metrics.without_each_block(metric.name, column, place)
                    by_method[row.key.method][row.record.seed] = Measured(value, left)
    forms = [Family, *([RelativeFamily] if metric.relative else [])]
    found: dict[tuple[str, Group], list[Cell]] = {(method, group): [] for method in methods for group in groups}
    for group, values in groups.items():
        for form in forms:
            for cell in form(data, having[0], task, group, metric, values).cells():
                found[cell.method, group].append(cell)
    return [cell for own in found.values() for cell in own]


def _references(data: ReportData, dataset: str, task: str, metric: str, by: str) -> list[Cell]:
    """The reference rows of one task that rank its rows, and for whose scores the metric is defined: the mean over the
    worlds where each seed has its own."""
    worlds = {row.record.dataset for row in data.rows if row.key.dataset == dataset}
    definitions = {
        row.record.tasks[task].definition
        for row in data.rows
        if row.key.dataset == dataset and task in row.record.tasks
    }
    values: dict[tuple[str, str, str], list[float | None]] = {}
    for kind, title in REFERENCES.items():
        for reference in data.references:
            record = reference.record
            if record.reference == kind and record.dataset in worlds and record.task in definitions:
                groups = () if record.constant else _groups_of(reference, (OVERALL, by))
                for own in groups:
                    if metric in own.values:
                        values.setdefault((title, own.column, own.group), []).append(own.values[metric])
    return [
        Cell(
            recipe=data.recipe.name,
            dataset=dataset,
            backbone=NO_BACKBONE,
            method=title,
            task=task,
            column=column,
            group=group,
            metric=metric,
            seeds=0,
            mean=None if None in own else float(np.mean([value for value in own if value is not None])),
        )
        for (title, column, group), own in values.items()
    ]


def _groups_of(reference: ReferenceRow, columns: Iterable[str]) -> Iterator[GroupMetrics]:
    for column in dict.fromkeys(columns):
        yield from reference.record.groups(reference.facts, column)
