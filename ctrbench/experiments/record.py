"""What a finished run leaves: the schema of ``record.json``. Tables read nothing else."""

from typing import Literal, Self

from pydantic import model_validator

from ctrbench.data.schema import Activeness, Negatives, SplitCounts
from ctrbench.experiments.config import RunConfig
from ctrbench.metrics.groups import OVERALL, GroupFigures
from ctrbench.strict import Strict
from ctrbench.training.history import EpochMetrics

REPRESENTATIONS = "representations.parquet"
"""Beside the record of a run whose ``config.representations`` is not 0; figure 6 of AQCL reads it too."""

Reference = Literal["popularity", "random", "oracle"]


class Environment(Strict):
    """Where a run was made."""

    versions: dict[str, str]
    """python, ctrbench, torch, numpy."""
    machine: str
    """Processor and system, no host name."""
    cores: int
    threads: int
    device: str
    git_commit: str | None
    """Of the clone that the package was imported from, when the run began, with ``-dirty`` where the package had
    uncommitted changes; None for an installed package."""


class DataFacts(Strict):
    """What the report says of the prepared dataset, copied so that records suffice."""

    title: str
    users: int
    items: int
    interactions: int
    splits: dict[str, SplitCounts]
    split_rule: str
    negatives: Negatives
    activeness: Activeness
    mean_click_length: float
    """Lbar of AQCL eq. 6."""
    synthetic: bool


class Timings(Strict):
    """Cost of a run."""

    training_seconds: float
    training_cpu_seconds: float
    rows_per_second: float
    """Training rows per CPU second."""
    evaluation_seconds: float
    """Prediction and metrics of the measured split."""
    peak_memory_mb: float
    """Of the process since it started; one process makes several runs."""


class RunRecord(Strict):
    """A finished run."""

    identity: str
    config: RunConfig
    fingerprint: str
    algorithm_version: int
    data: DataFacts
    environment: Environment
    epochs: tuple[EpochMetrics, ...]
    best_epoch: int
    metrics: tuple[GroupFigures, ...]
    """Of what ``config.measure`` names, at the best epoch's weights; of a trial's rows no group is told apart."""
    timings: Timings

    @model_validator(mode="after")
    def _all_rows_are_measured(self) -> Self:
        if all(figures.column != OVERALL for figures in self.metrics):
            raise ValueError("no metrics of all rows")
        return self

    @property
    def overall(self) -> GroupFigures:
        """The metrics of all rows."""
        return next(figures for figures in self.metrics if figures.column == OVERALL)


class ReferenceRecord(Strict):
    """Metrics of a reference row: a score that no model was trained for."""

    dataset: str
    reference: Reference
    label: str
    fingerprint: str
    data: DataFacts
    activeness_curve: tuple[int, ...]
    """Click length of the test users at each percentile from 0 to 100."""
    metrics: tuple[GroupFigures, ...]
