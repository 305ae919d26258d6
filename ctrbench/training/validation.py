"""Metrics of every task on the rows that stop training, and which of them is watched.

Shape:
    R validation rows, T trained tasks.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.examples import Targets
from ctrbench.data.tasks import Tasks, mean_over_tasks
from ctrbench.metrics import METRICS
from ctrbench.metrics.sample import Sample
from ctrbench.registry import unknown
from ctrbench.training.history import EpochMetrics

ALWAYS = ("auc", "logloss")
"""Metrics that every look measures, whichever metric is watched."""


@dataclass(frozen=True)
class Watch:
    """The validation metric that stops training and picks the look to keep."""

    tasks: tuple[str, ...]
    """Those whose mean is watched; one, as a rule."""
    metric: str

    @classmethod
    def of(cls, setting: str, tasks: Tasks) -> Self:
        """Reads ``training.watch``: ``METRIC`` of the main task, ``TASK.METRIC``, or ``mean.METRIC``.

        Raises:
            CtrbenchError: the task or the metric is unknown.
        """
        watched, metric = tasks.watched(setting, "training.watch")
        if metric not in METRICS.names():
            raise unknown("metric of training.watch", metric, METRICS.names())
        return cls(watched, metric)

    def value(self, epoch: EpochMetrics) -> float | None:
        """The watched value of a look; None if a task has none."""
        return mean_over_tasks([epoch.validation[task][self.metric] for task in self.tasks])

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
