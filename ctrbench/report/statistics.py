"""From records to cells: means over seeds, differences to the base, verdicts, for any metric and any task.

Source: the protocol's sections on seeds, significance and verdicts.

Shape: S seeds, K blocks of users.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError, NothingToShowError
from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.metrics.groups import OVERALL
from ctrbench.metrics.significance import CONFIDENCE, Error, Estimate, standard_deviation
from ctrbench.places import card_name
from ctrbench.report.cells import NO_BACKBONE, Cell
from ctrbench.report.margins import margin_of
from ctrbench.report.published import STANDS_FOR, read_published
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.verdicts import agreement, effect_verdict, value_verdict
from ctrbench.store.record import DataFacts, Reference

REFERENCES: dict[Reference, str] = {
    "popularity": "item popularity",
    "item_id": "item id",
    "random": "random",
    "oracle": "oracle",
}
"""Method of a reference row, in the order of the table."""

REFERENCE_MEANINGS = {
    REFERENCES["item_id"]: "the order of items in the source",
    REFERENCES["oracle"]: "the true probabilities",
}
"""Method of a reference row -> what it ranks by, where the name does not say it."""

Values = NDArray[np.float64]
Group = tuple[str, str]
"""Column and group."""


@dataclass(frozen=True)
class Measured:
    """A metric of one job in one group."""

    value: float
    without_blocks: Values | None
    """``(K,)``: the value without each block of users; None where it was not measured."""


BySeed = Mapping[int, Measured]
V = TypeVar("V", float, Values)


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


def why_not_comparable(not_comparable: Mapping[str, str], facts: DataFacts) -> str | None:
    """Why results on a dataset cannot be compared with published values; None if they can."""
    if facts.dataset in not_comparable:
        return not_comparable[facts.dataset]
    if facts.synthetic:
        private = STANDS_FOR.get(card_name(facts.dataset))
        return "simulated data" + (f" in place of the private {private}" if private else "")
    return None


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
        record, dataset = row.record, row.key.dataset
        if prints.setdefault(dataset, record.fingerprint) != record.fingerprint:
            raise CtrbenchError(
                f"{name}: runs on two versions of {dataset} ({prints[dataset][:12]} and {record.fingerprint[:12]}) "
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
        NothingToShowError: no job has measured it, or jobs on one dataset have measured it with different groups.
    """
    name, known = data.recipe.name, {OVERALL}
    groups: dict[tuple[str, str], object] = {}
    for row in data.rows:
        for metrics in row.record.tasks.values():
            known |= {column for columns in metrics.values.values() for column in columns}
            own = row.facts.groups.get(metrics.definition, {}).get(by)
            if own is not None and groups.setdefault((row.key.dataset, metrics.definition), own) != own:
                raise NothingToShowError(
                    f"{name}: runs on {row.key.dataset} were measured with two versions of column {by!r}; measure them "
                    f"again: {data.recipe.command('measure')}"
                )
    if by not in known:
        raise NothingToShowError(
            f"{name}: no finished run has measured column {by!r} (measured: {', '.join(sorted(known))}); measure it: "
            f"{data.recipe.command('measure', '--by', shlex.quote(by))}"
        )


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
                    left = metrics.without_each_block(metric.name, column, place)
                    by_method[row.key.method][row.record.seed] = Measured(value, left)
    forms = [_Family, *([_RelativeFamily] if metric.relative else [])]
    found: dict[tuple[str, Group], list[Cell]] = {(method, group): [] for method in methods for group in groups}
    for group, values in groups.items():
        for form in forms:
            for cell in form(data, having[0], task, group, metric, values).cells():
                found[cell.method, group].append(cell)
    return [cell for own in found.values() for cell in own]


@dataclass(frozen=True)
class _Family:
    """One metric in one group of one dataset, backbone and variant, for every method: a family of comparisons.

    It has all methods of the recipe's file, so that no verdict turns on which of them are finished or shown."""

    data: ReportData
    example: ReportRow
    """Some row of the dataset, backbone and variant: they share what is read from it."""
    task: str
    group: Group
    metric: type[Metric]
    values: Mapping[str, BySeed]
    """By method."""

    @property
    def name(self) -> str:
        return self.metric.name

    @property
    def tolerance(self) -> float:
        return self.metric.tolerance

    @property
    def base(self) -> str:
        return self.data.recipe.base

    @property
    def margin(self) -> float | None:
        """Differences smaller than this do not matter."""
        return margin_of(self.example.key.dataset, self.metric.name)

    @cached_property
    def lower_is_better(self) -> bool:
        """Whether a lower value is better among the values that :meth:`difference` compares."""
        return self.metric.direction != "higher"

    def cells(self) -> list[Cell]:
        """One per method."""
        differences = {method: self.difference(method) for method in self.values}
        compared = len(self.data.recipe.compared | set(differences) - {self.base})
        return [
            self._cell(method, difference and replace(difference, comparisons=compared))
            for method, difference in differences.items()
        ]

    def _cell(self, method: str, difference: Estimate | None) -> Cell:
        level = self.level(method)
        interval = level.at(CONFIDENCE) if level else None
        published, published_delta = self._published(method)
        key = self.example.key
        answers = why_not_comparable(self.data.recipe.not_comparable, self.example.facts) is None
        mean = level.value if level else None
        effect = effect_verdict(difference, margin=self.margin, lower_is_better=self.lower_is_better)
        return Cell(
            recipe=self.data.recipe.name,
            dataset=key.dataset,
            backbone=key.backbone,
            method=method,
            variant=key.variant,
            task=self.task,
            column=self.group[0],
            group=self.group[1],
            metric=self.name,
            seeds=len(self.sample(method)),
            mean=mean,
            std=standard_deviation(self.spread(method)),
            interval=interval,
            difference=difference,
            pairs=len(self.pairs(method)) if difference else 0,
            margin=self.margin,
            published=published,
            published_delta=published_delta,
            value_verdict=value_verdict(mean, interval, published, tolerance=self.tolerance, comparable=answers),
            effect=effect,
            agreement=agreement(effect, difference, published_delta) if answers else None,
        )

    def sample(self, method: str) -> Values:
        """One value per seed (S), whose mean is the cell's."""
        return np.array([own.value for own in self.values[method].values()], dtype=np.float64)

    def spread(self, method: str) -> Values:
        """The values (S) whose spread is that of the cell."""
        return self.sample(method)

    def level(self, method: str) -> Estimate | None:
        """The mean over seeds with its error; None without any value."""
        own = list(self.values[method].values())
        return _estimate([each.value for each in own], [each.without_blocks for each in own]) if own else None

    def difference(self, method: str) -> Estimate | None:
        """Difference to the base; None for the base itself, and if the two have no seed in common."""
        pairs = self.pairs(method)
        if method == self.base or not pairs:
            return None
        values = [self._compared(own.value) - self._compared(base.value) for own, base in pairs]
        left = [
            None
            if own.without_blocks is None or base.without_blocks is None
            else self._compared(own.without_blocks) - self._compared(base.without_blocks)
            for own, base in pairs
        ]
        return _estimate(values, left)

    def pairs(self, method: str) -> list[tuple[Measured, Measured]]:
        """The method and the base on the seeds (S) that both have."""
        own, base = self.values[method], self.values.get(self.base, {})
        return [(own[seed], base[seed]) for seed in own if seed in base]

    def _compared(self, values: V) -> V:
        return abs(values - 1) if self.metric.direction == "one" else values

    def _published(self, method: str) -> tuple[float | None, float | None]:
        """The paper's value, and its difference to the paper's base."""
        table, key = read_published(self.data.recipe.published), self.example.key
        # A published table that names no task is about the main task.
        task = "" if self.task == self.example.record.main_task else self.task
        value, base = (
            table.value(key.dataset, key.backbone, name, self.group[1], self.name, self.task, task)
            for name in (method, self.base)
        )
        return value, None if method == self.base or value is None or base is None else value - base


@dataclass(frozen=True)
class _RelativeFamily(_Family):
    """A family in the metric's relative form, whose published values have no tolerance."""

    @property
    def name(self) -> str:
        assert self.metric.relative
        return self.metric.relative.name

    @property
    def tolerance(self) -> float:
        return 0.0

    @property
    def margin(self) -> None:
        """The card states margins of the metric itself."""
        return

    def sample(self, method: str) -> Values:
        assert self.metric.relative
        own, base = (np.array([pair[place].value for pair in self.pairs(method)]) for place in (0, 1))
        values = self.metric.relative.by_seed(own, base)
        return np.array([]) if values is None else values

    def spread(self, method: str) -> Values:
        """The values (S) behind the spread; None for the base, whose relative value is constant by definition."""
        return np.array([]) if method == self.base else self.sample(method)

    def level(self, method: str) -> Estimate | None:
        """The relative form of the means. Its error is that of the difference, rescaled."""
        sample, difference = self.sample(method), self.difference(method)
        if not len(sample):
            return None
        return Estimate(float(sample.mean()), difference.error if difference else None)

    def difference(self, method: str) -> Estimate | None:
        """The difference in the metric itself, rescaled, so that the same test applies: the base's mean counts as
        known."""
        assert self.metric.relative
        plain = super().difference(method)
        base = np.array([np.mean([pair[1].value for pair in self.pairs(method)])]) if plain else np.array([])
        unit = self.metric.relative.by_seed(base + 1, base) if plain else None
        if plain is None or unit is None:
            return None
        scale = float(unit[0])
        return Estimate(plain.value * scale, plain.error.scaled(scale) if plain.error else None)


def _estimate(values: Sequence[float], without_blocks: Sequence[Values | None]) -> Estimate:
    """The mean of one value per seed, with its error; the users' part is left out where a seed lacks it."""
    left = [own for own in without_blocks if own is not None]
    array = np.array(values, dtype=np.float64)
    return Estimate(float(array.mean()), Error.of(array, np.array(left) if len(left) == len(array) else None))


def _references(data: ReportData, dataset: str, task: str, metric: str, by: str) -> list[Cell]:
    """The reference rows of one task for whose scores the metric is defined."""
    definitions = {
        row.record.tasks[task].definition
        for row in data.rows
        if row.key.dataset == dataset and task in row.record.tasks
    }
    return [
        Cell(
            recipe=data.recipe.name,
            dataset=dataset,
            backbone=NO_BACKBONE,
            method=title,
            task=task,
            column=own.column,
            group=own.group,
            metric=metric,
            seeds=0,
            mean=own.values[metric],
        )
        for kind, title in REFERENCES.items()
        for reference in data.references
        if (reference.record.reference, reference.record.dataset) == (kind, dataset)
        and reference.record.task in definitions
        for column in dict.fromkeys((OVERALL, by))
        for own in reference.record.groups(reference.facts, column)
        if metric in own.values
    ]
