"""The metric that a search optimises, on the search holdout."""

from dataclasses import dataclass
from typing import Self

from ctrbench.data.schema import Manifest
from ctrbench.data.tasks import Tasks, mean_over_tasks
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.registry import unknown
from ctrbench.store.identity import JobConfig
from ctrbench.store.record import Record


@dataclass(frozen=True)
class Objective:
    """A metric of a task, or its mean over tasks."""

    tasks: tuple[str, ...]
    metric: str

    @classmethod
    def of(cls, text: str, config: JobConfig, manifest: Manifest) -> Self:
        """Reads ``METRIC`` (of the main task), ``TASK.METRIC``, or ``mean.METRIC`` over the trained tasks.

        Raises:
            CtrbenchError: the task or the metric is unknown, has no best end, or reads the truth.
        """
        tasks = Tasks.of(config.data, manifest.labels, manifest.name)
        named, metric = tasks.watched(text, "search.objective")
        if metric not in METRICS.names():
            raise unknown("metric of search.objective", metric, METRICS.names())
        if METRICS.get(metric).direction == "one":
            raise CtrbenchError(f"search.objective {text}: best at 1, neither highest nor lowest; name another metric")
        if METRICS.get(metric).needs_truth:
            raise CtrbenchError(f"search.objective {text}: needs true probabilities, which no search may see")
        return cls(named, metric)

    @property
    def maximize(self) -> bool:
        """Whether Optuna should maximise the value."""
        return METRICS.get(self.metric).direction == "higher"

    def goodness(self, value: float | None) -> float:
        """A number that is larger where the value is better."""
        return METRICS.get(self.metric).goodness(value)

    def of_record(self, record: Record) -> float | None:
        """The value of a finished trial."""
        return mean_over_tasks([record.overall(self.metric, task) for task in self.tasks])
