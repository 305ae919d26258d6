"""Metrics of every task on the rows that stop training, and which of them is watched.

Shape:
    R validation rows, T trained tasks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.examples import Targets
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.metrics.auc import auc
from ctrbench.metrics.logloss import logloss
from ctrbench.registry import unknown
from ctrbench.training.history import EpochMetrics

Direction = Literal["higher", "lower", "one"]
"""Of a better value; ``one``: nearer to 1."""

ALWAYS = ("auc", "logloss")
"""Measured after every epoch, whatever is watched."""

METRICS: dict[str, tuple[Direction, Callable[[NDArray[np.bool_], NDArray[np.float64]], float | None]]] = {
    "auc": ("higher", auc),
    "logloss": ("lower", logloss),
}


@dataclass(frozen=True)
class Watch:
    """The validation metric that stops training and picks the epoch to keep."""

    task: str
    metric: str
    direction: Direction

    @classmethod
    def of(cls, setting: str, tasks: Tasks, where: str) -> Self:
        """Reads ``training.watch``: ``METRIC`` of the main task, or ``TASK.METRIC``.

        Raises:
            CtrbenchError: the task or the metric is unknown.
        """
        task, _, metric = setting.rpartition(".")
        task = task or tasks.main
        if task not in tasks.names:
            raise CtrbenchError(f"{where}: training.watch: {unknown('task', task, tasks.names)}")
        if metric not in METRICS:
            raise CtrbenchError(f"{where}: training.watch: {unknown('metric', metric, METRICS)}")
        return cls(task, metric, METRICS[metric][0])

    def value(self, epoch: EpochMetrics) -> float | None:
        """The watched value of an epoch."""
        return epoch.validation[self.task][self.metric]

    def score(self, epoch: EpochMetrics) -> float:
        """The watched value, turned so that larger is better."""
        value = self.value(epoch)
        if value is None:
            return -math.inf
        return {"higher": value, "lower": -value, "one": -abs(value - 1)}[self.direction]


def validate(
    tasks: Tasks, targets: Targets, predicted: NDArray[np.float64], watch: Watch
) -> dict[str, dict[str, float | None]]:
    """Task -> metric -> value, given the targets (R,) and the predicted probabilities (R, T).

    A task with a condition is measured on the rows that meet it.
    """
    found = {}
    for task, probability in tasks.probabilities(predicted).items():
        observed, label = targets.observed[task], targets.of(task)
        scored = probability if observed is None else probability[observed]
        names = dict.fromkeys([*ALWAYS, watch.metric])
        found[task] = {name: METRICS[name][1](label, scored) for name in names}
    return found
