"""One metric in one group, for every method: the values of the seeds, and what each method changes against the base.

Source: the protocol's sections on seeds, significance and verdicts.

Shape: S seeds, K blocks of users.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError
from ctrbench.metrics.base import Metric
from ctrbench.metrics.significance import CONFIDENCE, Error, Estimate, standard_deviation
from ctrbench.planning.settings import build_config
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.cells import Cell
from ctrbench.report.comparable import why_not_comparable
from ctrbench.report.margins import margin_of
from ctrbench.report.published import read_published
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.verdicts import agreement, effect_verdict, value_verdict

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


@dataclass(frozen=True)
class Family:
    """One metric in one group of one dataset, backbone and variant, for every method: comparisons of one family.

    The family has all methods of the recipe's file, so that no verdict turns on which of them are finished or shown,
    each with all variants that leave the base as it is."""

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
        """The metric's name, or that of its relative form."""
        return self.metric.name

    @property
    def tolerance(self) -> float:
        """How near to a published value counts as equal to it."""
        return self.metric.tolerance

    @property
    def base(self) -> str:
        """What the methods are compared with."""
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
        key, shown = self.example.key, frozenset(differences)
        compared = comparisons(self.data, key.dataset, key.backbone, key.variant, shown)
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
class RelativeFamily(Family):
    """A family in the metric's relative form, whose published values have no tolerance."""

    @property
    def name(self) -> str:
        """Of the relative form."""
        assert self.metric.relative
        return self.metric.relative.name

    @property
    def tolerance(self) -> float:
        """None: only the metric itself has one."""
        return 0.0

    @property
    def margin(self) -> None:
        """The card states margins of the metric itself."""
        return

    def sample(self, method: str) -> Values:
        """One value per seed (S) that the base has too."""
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


@lru_cache(maxsize=256)
def comparisons(data: ReportData, dataset: str, backbone: str, variant: str, shown: frozenset[str]) -> int:
    """The size of a family: how many unlike jobs are compared with the base as a variant leaves it.

    They are those of the methods of the recipe's file, and of others that are ``shown``, with every variant that leaves
    the base as this one does, as in a sweep of a method's setting.
    """
    recipe, base = data.recipe, data.recipe.base
    methods = recipe.compared | shown - {base}
    if not recipe.variants:
        return len(methods)

    def configured(method: str, variant: str) -> str:
        row = RowKey(dataset, backbone, method, variant)
        try:
            return build_config(recipe, row, 0, {}, data.defaults).model_dump_json()
        except CtrbenchError:  # a method of a plug-in that is not installed
            return f"{method} {variant}"

    own = configured(base, variant)
    alike = [other for other in recipe.variants if configured(base, other) == own]
    return len({configured(method, other) for method in methods for other in alike})


def _estimate(values: Sequence[float], without_blocks: Sequence[Values | None]) -> Estimate:
    """The mean of one value per seed, with its error; the users' part is left out where a seed lacks it."""
    left = [own for own in without_blocks if own is not None]
    array = np.array(values, dtype=np.float64)
    return Estimate(float(array.mean()), Error.of(array, np.array(left) if len(left) == len(array) else None))
