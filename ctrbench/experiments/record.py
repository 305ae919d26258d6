"""What a finished run leaves: the schema of ``record.json``. The report reads nothing else."""

from typing import Literal

from ctrbench.data.schema import Activeness, Negatives, SplitCounts
from ctrbench.experiments.config import RunConfig
from ctrbench.strict import Strict

Reference = Literal["popularity", "random", "oracle"]


class GroupMetrics(Strict):
    """Metrics of one group of rows; the sufficient figures of any later table."""

    column: str
    """``overall``, ``activeness`` or a cohort column."""
    group: str
    """``overall``, one of ``non-active``, ``slightly-active``, ``highly-active``, or a value of the cohort column."""
    rows: int
    positives: int
    auc: float | None
    """None where the group holds one class only."""
    logloss: float | None
    """Natural log; None for a reference that gives scores instead of probabilities."""
    ne: float | None
    """Logloss over the entropy of the group's own base rate; None like auc or logloss."""
    calibration: float | None
    """Mean prediction / mean label; None without positives or probabilities."""
    clipped: int
    """Rows whose probability was clipped at 1e-12 for the logloss."""


class Epoch(Strict):
    """One epoch's history."""

    epoch: int
    """From 1."""
    loss: float
    """Mean total loss over the epoch's batches."""
    parts: dict[str, float]
    """Mean of each part of the loss, by name."""
    validation_auc: float | None
    validation_logloss: float | None
    """None, like the AUC, where the validation split is too small."""
    seconds: float
    cpu_seconds: float
    rows_per_second: float


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


class RunRecord(Strict):
    """A finished run."""

    identity: str
    config: RunConfig
    fingerprint: str
    algorithm_version: int
    data: DataFacts
    environment: Environment
    epochs: tuple[Epoch, ...]
    best_epoch: int
    metrics: tuple[GroupMetrics, ...]
    """Of the split that ``config.measure`` names, at the best epoch's weights."""
    timings: Timings


class ReferenceRecord(Strict):
    """Metrics of a reference row: a score that no model was trained for."""

    dataset: str
    reference: Reference
    label: str
    fingerprint: str
    data: DataFacts
    metrics: tuple[GroupMetrics, ...]
