"""The tasks of a run: labels that are trained, and tasks derived from them. No torch, so that reports can use it.

Source of the derived task: Ma et al., Entire Space Multi-Task Model, SIGIR 2018, equation 1 (CTCVR = CTR x CVR).

Shape:
    n rows, T trained tasks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Tasks:
    """What a run predicts; see the fields of :class:`DataSettings` of the same names."""

    trained: tuple[str, ...]
    """The T labels that have a logit, in the order of the logits."""
    derived: dict[str, tuple[str, ...]]
    given: dict[str, str]

    @classmethod
    def of(cls, settings: DataSettings, labels: tuple[str, ...], where: str) -> Self:
        """The tasks that a run's section ``[data]`` names.

        Args:
            settings: the section.
            labels: labels of the dataset.
            where: names the dataset or the recipe in an error.

        Raises:
            CtrbenchError: a label or a task is unknown, named twice, or conditional on itself, or a derived task takes
                the name of a label.
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
        for task, factors in settings.derived.items():
            _check_derived(task, factors, trained, labels, where)
        return cls(trained, settings.derived, settings.given)

    def split(self, text: str) -> tuple[str, str]:
        """Task and metric of ``TASK.METRIC``, or of ``METRIC``, which is the main task's; neither is checked."""
        task, _, metric = text.rpartition(".")
        return task or self.main, metric

    @property
    def main(self) -> str:
        """The task that a metric without a task's name refers to."""
        return self.trained[0]

    @property
    def names(self) -> tuple[str, ...]:
        """Trained tasks, then derived ones."""
        return (*self.trained, *self.derived)

    @property
    def columns(self) -> tuple[str, ...]:
        """The labels that :meth:`labels` and :meth:`observed` read."""
        return tuple(dict.fromkeys([*self.trained, *self.given.values()]))

    def definition(self, task: str) -> str:
        """What defines the label and the rows of a task, whatever its name: ``click``, ``conversion given click``,
        ``click x conversion``."""
        text = " x ".join(self.derived.get(task, (task,)))
        return f"{text} given {self.given[task]}" if task in self.given else text

    def labels(self, columns: Mapping[str, NDArray[np.generic]]) -> dict[str, Flags]:
        """The label (n,) of every task, from the labels of the dataset (n,) in {0, 1}."""
        found = {task: np.asarray(columns[task], dtype=bool) for task in self.trained}
        for task, factors in self.derived.items():
            found[task] = np.logical_and.reduce([found[factor] for factor in factors])
        return found

    def probabilities(self, predicted: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
        """The probability (n,) of every task, from the probabilities of the trained tasks (n, T)."""
        found = {task: np.asarray(predicted[:, t], dtype=np.float64) for t, task in enumerate(self.trained)}
        for task, factors in self.derived.items():
            found[task] = np.multiply.reduce([found[factor] for factor in factors])
        return found

    def observed(self, columns: Mapping[str, NDArray[np.generic]]) -> dict[str, Flags | None]:
        """The rows (n,) on which each task is defined; None: all rows."""
        return {
            task: np.asarray(columns[self.given[task]], dtype=bool) if task in self.given else None
            for task in self.names
        }


def _check_derived(
    task: str, factors: tuple[str, ...], trained: tuple[str, ...], labels: tuple[str, ...], where: str
) -> None:
    place = f"{where}: data.derived: {task!r}"
    if not task.replace("-", "_").isidentifier():
        raise CtrbenchError(f"{place} is not a valid task name; use letters, digits, - and _")
    if task in labels:
        raise CtrbenchError(f"{place} is a label of the dataset; give the derived task another name")
    if len(set(factors)) != len(factors) or len(factors) < 2:
        raise CtrbenchError(f"{place} needs two or more tasks, each once (got {', '.join(factors) or 'none'})")
    for factor in factors:
        if factor not in trained:
            raise CtrbenchError(f"{place}: {unknown('task', factor, trained)}")
