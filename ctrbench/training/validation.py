"""Metrics of every task on the rows that stop training, and which of them is watched.

Shape:
    R validation rows, T trained tasks.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.examples import Targets
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.metrics.sample import Sample
from ctrbench.registry import unknown
from ctrbench.training.history import EpochMetrics

ALWAYS = ("auc", "logloss")
"""Metrics that every look measures, whichever metric is watched."""


@dataclass(frozen=True)
class Watch:
    """The validation metric that stops training and picks the look to keep."""

    task: str
    metric: str

    @classmethod
    def of(cls, setting: str, tasks: Tasks, where: str) -> Self:
        """Reads ``training.watch``: ``METRIC`` of the main task, or ``TASK.METRIC``.

        Raises:
            CtrbenchError: the task or the metric is unknown.
        """
        task, metric = tasks.split(setting)
        if task not in tasks.names:
            raise CtrbenchError(f"{where}: training.watch: {unknown('task', task, tasks.names)}")
        if metric not in METRICS.names():
            raise CtrbenchError(f"{where}: training.watch: {unknown('metric', metric, METRICS.names())}")
        return cls(task, metric)

    def value(self, epoch: EpochMetrics) -> float | None:
        """The watched value of a look."""
        return epoch.validation[self.task][self.metric]

    def score(self, epoch: EpochMetrics) -> float:
        """The watched value, turned so that larger is better."""
        return METRICS.get(self.metric).goodness(self.value(epoch))


def validate(
    tasks: Tasks, targets: Targets, predicted: NDArray[np.float64], watch: Watch
) -> dict[str, dict[str, float | None]]:
    """Task -> metric -> value, given the targets (R,) and the predicted probabilities (R, T).

    A task with a condition is measured on the rows that meet it.
    """
    found = {}
    for task, probability in tasks.probabilities(predicted).items():
        observed = targets.observed[task]
        rows = slice(None) if observed is None else observed
        sample = Sample(targets.labels[task][rows], probability[rows], targets.users[rows])
        names = dict.fromkeys([*ALWAYS, watch.metric])
        found[task] = {name: METRICS.get(name).overall(sample) for name in names}
    return found
