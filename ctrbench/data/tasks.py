"""The tasks of a run: labels that are trained, and tasks derived from them. No torch, so that reports can use it.

Source of derived and conditional tasks: Ma et al., Entire Space Multi-Task Model, SIGIR 2018, equations 1 and 2 (CTCVR
= CTR x CVR, and CVR = CTCVR / CTR).

Shape:
    n rows, T trained tasks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown

Flags = NDArray[np.bool_]

MEAN = "mean"
"""Stands for all trained tasks where a metric of one task is named."""

TINY = np.finfo(np.float64).tiny
"""The least probability that anything is divided by."""


@dataclass(frozen=True)
class Tasks:
    """What a run predicts; see the fields of :class:`DataSettings` of the same names."""

    trained: tuple[str, ...]
    """The T labels that have a logit, in the order of the logits."""
    derived: dict[str, tuple[str, ...]]
    given: dict[str, str]
    conditional: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: DataSettings, labels: tuple[str, ...], where: str) -> Self:
        """The tasks that a run's section ``[data]`` names.

        Args:
            settings: the section.
            labels: labels of the dataset.
            where: names the dataset or the recipe in an error.

        Raises:
            CtrbenchError: a label or a task is unknown, named twice, or conditional on itself, or a derived or
                conditional task takes the name of a label.
        """
        trained = settings.tasks
        for label in (*trained, *settings.given.values()):
            if label not in labels:
                raise CtrbenchError(f"{where}: {unknown('label', label, labels)}")
        if len(set(trained)) != len(trained):
            raise CtrbenchError(f"{where}: data.tasks names a label twice ({', '.join(trained)}); name each once")
        for task, label in settings.given.items():
            if task not in trained:
                raise CtrbenchError(f"{where}: data.given: {unknown('task', task, trained)}")
            if task == label:
                raise CtrbenchError(f"{where}: data.given: {task!r} is conditional on itself; name another label")
        for key, tasks in (("derived", settings.derived), ("conditional", settings.conditional)):
            for task, factors in tasks.items():
                _check_combined(task, factors, trained, labels, f"{where}: data.{key}")
        if twice := settings.derived.keys() & settings.conditional.keys():
            raise CtrbenchError(f"{where}: {min(twice)!r} stands in data.derived and data.conditional; rename one")
        for task, (first, second) in settings.conditional.items():
            if conditional := {first, second} & settings.given.keys():
                raise CtrbenchError(
                    f"{where}: data.conditional.{task} needs {min(conditional)} over all rows; leave out "
                    f"data.given.{min(conditional)}"
                )
        return cls(trained, settings.derived, settings.given, settings.conditional)

    def split(self, text: str) -> tuple[str, str]:
        """Task and metric of ``TASK.METRIC``, or of ``METRIC``, which is the main task's; neither is checked."""
        task, _, metric = text.rpartition(".")
        return task or self.main, metric

    def watched(self, text: str, setting: str) -> tuple[tuple[str, ...], str]:
        """Tasks and metric of ``TASK.METRIC``, of ``METRIC``, which is the main task's, or of ``mean.METRIC``, the mean
        over the trained tasks; the metric is not checked.

        Raises:
            CtrbenchError: no such task; the message names the ``setting``.
        """
        task, metric = self.split(text)
        if task == MEAN and MEAN not in self.names:
            return self.trained, metric
        if task not in self.names:
            raise unknown(f"task of {setting}", task, self.names)
        return (task,), metric

    @property
    def main(self) -> str:
        """The task that a metric without a task's name refers to."""
        return self.trained[0]

    def after(self, task: str) -> str | None:
        """The conversion that may follow a click: the second of two trained tasks, for the first; else None."""
        return self.trained[1] if len(self.trained) == 2 and task == self.main else None

    @property
    def names(self) -> tuple[str, ...]:
        """Trained tasks, then derived and conditional ones."""
        return (*self.trained, *self.derived, *self.conditional)

    @property
    def columns(self) -> tuple[str, ...]:
        """The labels that :meth:`labels` and :meth:`observed` read."""
        return tuple(dict.fromkeys([*self.trained, *self.given.values()]))

    def definition(self, task: str) -> str:
        """What defines the label and the rows of a task, whatever its name: ``click``, ``conversion given click``,
        ``click x conversion``."""
        text, condition = " x ".join(self.factors(task)), self.condition(task)
        return f"{text} given {condition}" if condition else text

    def factors(self, task: str) -> tuple[str, ...]:
        """The trained tasks whose labels the label of a task multiplies."""
        return self.conditional[task][:1] if task in self.conditional else self.derived.get(task, (task,))

    def condition(self, task: str) -> str | None:
        """The label on whose rows alone a task is defined; None: on all rows."""
        return self.conditional[task][1] if task in self.conditional else self.given.get(task)

    def labels(self, columns: Mapping[str, NDArray[np.generic]]) -> dict[str, Flags]:
        """The label (n,) of every task, from the labels of the dataset (n,) in {0, 1}."""
        found = {task: np.asarray(columns[task], dtype=bool) for task in self.trained}
        for task, factors in self.derived.items():
            found[task] = np.logical_and.reduce([found[factor] for factor in factors])
        return found | {task: found[first] for task, (first, _) in self.conditional.items()}

    def probabilities(self, predicted: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """The probability (n,) of every task, from the probabilities of the trained tasks (n, T)."""
        found = {task: np.asarray(predicted[:, t], dtype=np.float64) for t, task in enumerate(self.trained)}
        for task, factors in self.derived.items():
            found[task] = np.multiply.reduce([found[factor] for factor in factors])
        for task, (first, second) in self.conditional.items():
            # A rare conversion can come out likelier than its click: its rate is 1 at most.
            found[task] = np.minimum(found[first] / np.maximum(found[second], TINY), 1)
        return found

    def observed(self, columns: Mapping[str, NDArray[np.generic]]) -> dict[str, Flags | None]:
        """The rows (n,) on which each task is defined; None: all rows."""
        conditions = {task: self.condition(task) for task in self.names}
        return {
            task: None if label is None else np.asarray(columns[label], dtype=bool)
            for task, label in conditions.items()
        }


def mean_over_tasks(values: Sequence[float | None]) -> float | None:
    """The mean of the tasks' values of a metric; None if a task has none."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def _check_combined(
    task: str, factors: tuple[str, ...], trained: tuple[str, ...], labels: tuple[str, ...], where: str
) -> None:
    place = f"{where}: {task!r}"
    if not task.replace("-", "_").isidentifier():
        raise CtrbenchError(f"{place} is not a valid task name; use letters, digits, - and _")
    if task in labels:
        raise CtrbenchError(f"{place} is a label of the dataset; give the task another name")
    if len(set(factors)) != len(factors) or len(factors) < 2:
        raise CtrbenchError(f"{place} needs two or more tasks, each once (got {', '.join(factors) or 'none'})")
    for factor in factors:
        if factor not in trained:
            raise CtrbenchError(f"{place}: {unknown('task', factor, trained)}")
