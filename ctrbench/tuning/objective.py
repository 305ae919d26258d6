"""The metric that a search optimises, on the search holdout."""

from dataclasses import dataclass
from typing import Self

from ctrbench.data.schema import Manifest
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.registry import unknown
from ctrbench.store.identity import JobConfig
from ctrbench.store.record import Record


@dataclass(frozen=True)
class Objective:
    """A metric of a task."""

    task: str
    metric: str

    @classmethod
    def of(cls, text: str, config: JobConfig, manifest: Manifest) -> Self:
        """Reads ``METRIC`` (of the main task) or ``TASK.METRIC``.

        Raises:
            CtrbenchError: the task or the metric is unknown, has no best end, or reads the truth.
        """
        tasks = Tasks.of(config.data, manifest.labels, manifest.name)
        task, metric = tasks.split(text)
        if task not in tasks.names:
            raise unknown("task of search.objective", task, tasks.names)
        if METRICS.get(metric).direction == "one":
            raise CtrbenchError(f"search.objective {text}: best at 1, neither highest nor lowest; name another metric")
        if METRICS.get(metric).needs_truth:
            raise CtrbenchError(f"search.objective {text}: needs true probabilities, which no search may see")
        return cls(task, metric)

    @property
    def maximize(self) -> bool:
        """Whether Optuna should maximise the value."""
        return METRICS.get(self.metric).direction == "higher"

    def goodness(self, value: float | None) -> float:
        """A number that is larger where the value is better."""
        return METRICS.get(self.metric).goodness(value)

    def of_record(self, record: Record) -> float | None:
        """The value of a finished trial."""
        return record.overall(self.metric, self.task)
