"""The record of a finished job: tables and figures read nothing else.

A record is one line of the archive. What all jobs on the same data share (the dataset's facts, the names and sizes of
groups) is stored once beside the records, in :class:`DataFacts`. A line leaves out values that equal a default of these
classes: a changed default would change the meaning of existing lines, so these defaults never change.
"""

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ctrbench.data.schema import Activeness, Negatives, SplitCounts
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.metrics.groups import OVERALL
from ctrbench.store.identity import JobConfig, Plugin, Section
from ctrbench.strict import ComponentName, DatasetName, Strict
from ctrbench.training.history import EpochMetrics

Reference = Literal["popularity", "item_id", "clicked_before", "random", "oracle"]

FIRST_VERSION = 2
"""The algorithm version of a line that names none; it never changes, even when ``ALGORITHM_VERSION`` does."""

LEFT_OUT_COLUMNS = (OVERALL, "activeness")
"""The columns of every job for whose groups the values without each block of users are stored."""
LEFT_OUT_UNIT = 1e-7

Values = dict[str, dict[str, list[float | None]]]
"""Metric -> column -> one value per group, in the order of the groups."""


class Environment(Strict):
    """Where a job ran."""

    versions: dict[str, str]
    """python, ctrbench, torch, numpy; numba where it compiled the kernels."""
    machine: str
    """Processor and system, no host name."""
    cores: int
    threads: int
    device: str
    kernels: Literal["reference", "fused"] = "reference"
    """The implementation of the layers that have two (:mod:`ctrbench.backbones.kernels`); ``reference`` for a job
    without such a layer. Rounding alone differs, so metrics may be compared across both, but not bits."""
    git_commit: str | None = None
    """Commit of the clone that the package was imported from, when the job began, with ``-dirty`` if the package had
    uncommitted changes; None for an installed package."""


class Timings(Strict):
    """Cost of a job."""

    training_seconds: float
    training_cpu_seconds: float
    rows_per_second: float
    """Training rows per CPU second."""
    evaluation_seconds: float
    """Time of prediction and metrics on the measured rows."""
    peak_memory_mb: float | None = None
    """Peak memory of the process, which may have run earlier jobs; None if the system does not report it."""


class Groups(Strict):
    """The groups of a column, for one task."""

    names: list[str]
    rows: list[int]
    positives: list[int]

    @model_validator(mode="after")
    def _alike(self) -> Self:
        if not len(self.names) == len(self.rows) == len(self.positives):
            raise ValueError("names, rows and positives differ in number")
        return self


class DataFacts(Strict):
    """What a report says about a prepared dataset, and the groups by which its test rows are cut."""

    dataset: DatasetName
    fingerprint: str
    """Training fingerprint (``Manifest.fingerprint``)."""
    measuring_fingerprint: str
    """``Manifest.measuring_fingerprint``."""
    title: str
    users: int
    items: int
    interactions: int
    splits: dict[str, SplitCounts]
    split_rule: str
    negatives: Negatives
    activeness: Activeness
    activeness_curve: tuple[int, ...]
    """Click length of the test users at each percentile from 0 to 100."""
    mean_click_length: float
    """Lbar of AQCL eq. 6."""
    synthetic: bool = False
    groups: dict[str, dict[str, Groups]] = Field(default_factory=dict)
    """Definition of a task (:meth:`ctrbench.data.tasks.Tasks.definition`) -> column -> groups of the test rows."""

    @property
    def key(self) -> tuple[str, str]:
        """The key of the facts within a dataset: both fingerprints."""
        return self.fingerprint, self.measuring_fingerprint

    def merged(self, other: Self) -> Self:
        """These facts with the groups of ``other``, facts of the same data, added.

        Raises:
            CtrbenchError: the two disagree about a column's groups.
        """
        groups = {task: dict(columns) for task, columns in self.groups.items()}
        for task, columns in other.groups.items():
            for column, own in columns.items():
                if groups.setdefault(task, {}).setdefault(column, own) != own:
                    raise CtrbenchError(
                        f"{self.dataset}: two sets of groups for column {column!r} of data "
                        f"{self.measuring_fingerprint[:12]}; remove the records of one of them"
                    )
        return self.model_copy(update={"groups": groups})


class TaskMetrics(Strict):
    """The metrics of one task on the measured rows."""

    definition: str
    """Definition of the task: the key of its groups in :class:`DataFacts`."""
    clipped: int = 0
    """Rows whose probability was clipped at 1e-12 for the logloss."""
    values: Values
    left_out: dict[str, dict[str, list[list[int | None]]]] = Field(default_factory=dict)
    """Metric -> column -> for each group, by how much its value changes where one block of users is left out, in units
    of :data:`LEFT_OUT_UNIT`: one number per block (:func:`ctrbench.measure.blocks.user_blocks`), None where the metric
    is undefined without the block. Of :data:`LEFT_OUT_COLUMNS` and the columns that a recipe asked for, so that a
    record stays small."""

    def without_each_block(self, metric: str, column: str, place: int) -> NDArray[np.float64] | None:
        """The values (K,) of a group, by its place in the column, without each block of users, NaN where the metric is
        undefined without the block; None where they were not measured."""
        changes = self.left_out.get(metric, {}).get(column)
        value = self.values[metric][column][place] if changes else None
        if changes is None or value is None:
            return None
        return value + LEFT_OUT_UNIT * np.array(changes[place], dtype=np.float64)


class GroupMetrics(NamedTuple):
    """The metrics of one group."""

    column: str
    group: str
    rows: int
    positives: int
    values: dict[str, float | None]
    """Metric -> value; None where it is undefined."""


class FurtherModel(Strict):
    """The training of another model of a job than the first (``training.models``)."""

    best_epoch: int
    """Position in ``epochs``, from 1, of the look whose weights are kept."""
    epochs: tuple[EpochMetrics, ...] = Field(min_length=1)
    """One entry per look."""

    @property
    def kept_look(self) -> EpochMetrics:
        """The look whose weights are kept."""
        return self.epochs[self.best_epoch - 1]


class Record(Strict):
    """A finished job."""

    identity: str
    dataset: DatasetName
    backbone: ComponentName
    method: ComponentName
    seed: int
    settings: dict[Section, dict[str, Any]] = Field(default_factory=dict)
    """Settings that differ from their defaults."""
    judged_on: Literal["test", "search_holdout"] = "test"
    representations: int = 0
    attention_rows: int = 0
    plugins: tuple[Plugin, ...] = ()
    algorithm_version: int = FIRST_VERSION
    fingerprint: str
    """Training fingerprint of the data, without cohorts."""
    cohorts: tuple[str, ...] = ()
    """Cohort columns that the method read while it trained."""
    cohort_fingerprint: str | None = None
    """Training fingerprint with these columns; None if the method read none."""
    measuring_fingerprint: str
    best_epoch: int
    """Position in ``epochs``, from 1, of the look whose weights are kept."""
    epochs: tuple[EpochMetrics, ...] = Field(min_length=1)
    """One entry per look of the job's only model, or of the first."""
    further_models: tuple[FurtherModel, ...] = ()
    """Its other models; all of them together predict."""
    tasks: dict[str, TaskMetrics] = Field(min_length=1)
    """At the best looks' weights, on the rows of ``judged_on``; of a trial only the overall values are stored."""
    weights: int | None = None
    """Trained weights of the model that predicts, embedding tables included; a method's are dropped. None in records
    from before they were counted."""
    timings: Timings
    environment: Environment

    @property
    def kept_look(self) -> EpochMetrics:
        """The look whose weights are kept."""
        return self.epochs[self.best_epoch - 1]

    @property
    def models(self) -> "tuple[Record | FurtherModel, ...]":
        """How each of its models was trained."""
        return self, *self.further_models

    @property
    def looks(self) -> int:
        """The number of looks of all its models."""
        return sum(len(model.epochs) for model in self.models)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (models := self.settings.get("training", {}).get("models", 1)) != len(self.models):
            raise ValueError(f"the looks of {len(self.models)} models where {models} were trained")
        for model in self.models:
            if not 1 <= model.best_epoch <= len(model.epochs):
                raise ValueError(f"best epoch {model.best_epoch} of {len(model.epochs)}")
        for metrics in self.tasks.values():
            _check(metrics.values)
        return self

    @property
    def config(self) -> JobConfig:
        """The configuration that the identity is computed from."""
        return JobConfig.model_construct(**{name: getattr(self, name) for name in JobConfig.model_fields})

    @property
    def names(self) -> tuple[str, str, str]:
        """Dataset, backbone and method: the file of the record."""
        return self.dataset, self.backbone, self.method

    @property
    def main_task(self) -> str:
        """The first of the job's tasks."""
        return next(iter(self.tasks))

    def own_identity(self) -> str:
        """The identity computed from the record's content; equal to ``identity`` in an intact record."""
        return self.config.identity(self.cohort_fingerprint or self.fingerprint, self.plugins, self.algorithm_version)

    def overall(self, metric: str, task: str | None = None) -> float | None:
        """A metric of all measured rows; None where it is undefined or was not measured."""
        values = self.tasks[task or self.main_task].values.get(metric)
        return values[OVERALL][0] if values else None

    def groups(self, facts: DataFacts, task: str, column: str) -> list[GroupMetrics]:
        """The metrics of a column's groups; none where the column was not measured."""
        metrics = self.tasks[task]
        return group_metrics(metrics.values, facts, metrics.definition, column)

    def rows(self, facts: DataFacts) -> Iterator[tuple[str, str, str, str, str, float | None]]:
        """(identity, task, column, group, metric, value) of everything that was measured."""
        for task, metrics in self.tasks.items():
            for column in facts.groups.get(metrics.definition, {}):
                for group in self.groups(facts, task, column):
                    for metric, value in group.values.items():
                        yield self.identity, task, column, group.group, metric, value


class ReferenceRecord(Strict):
    """Metrics of a reference row: a score that no model was trained for."""

    dataset: DatasetName
    reference: Reference
    task: str
    """Definition of the task."""
    fingerprint: str
    measuring_fingerprint: str
    probabilities: bool
    """Whether the scores are probabilities; otherwise only metrics of the order are defined."""
    constant: bool = False
    """Whether all test rows of the task have one score, which ranks nothing: no report shows the row."""
    values: Values

    @property
    def columns(self) -> set[str]:
        """Names of the columns that were measured."""
        return {column for columns in self.values.values() for column in columns}

    def merged(self, other: Self) -> Self:
        """This row updated with the values of ``other``, a row of the same data."""
        metrics = dict.fromkeys([*self.values, *other.values])
        values = {metric: {**self.values.get(metric, {}), **other.values.get(metric, {})} for metric in metrics}
        return self.model_copy(update={"values": values})

    def groups(self, facts: DataFacts, column: str) -> list[GroupMetrics]:
        """The metrics of a column's groups; none where the column was not measured."""
        return group_metrics(self.values, facts, self.task, column)


def group_metrics(values: Values, facts: DataFacts, definition: str, column: str) -> list[GroupMetrics]:
    """Stored values joined with the groups that they belong to; none where the column was not measured.

    Raises:
        CtrbenchError: the numbers of values and groups differ.
    """
    known = facts.groups.get(definition, {}).get(column)
    measured = {metric: columns[column] for metric, columns in values.items() if column in columns}
    if known is None or not measured:
        return []
    if any(len(own) != len(known.names) for own in measured.values()):
        raise CtrbenchError(
            f"{facts.dataset}: {definition} by {column} has {len(known.names)} groups in data.jsonl and another number "
            "in a record; restore both files from git"
        )
    return [
        GroupMetrics(column, group, rows, positives, {metric: own[place] for metric, own in measured.items()})
        for place, (group, rows, positives) in enumerate(zip(known.names, known.rows, known.positives, strict=True))
    ]


def _check(values: Values) -> None:
    """Checks that every metric has a value for all rows together, and that each value lies within the bounds."""
    known = METRICS.usable()
    for metric, columns in values.items():
        if len(columns.get(OVERALL, ())) != 1:
            raise ValueError(f"no {metric} of all rows")
        if metric in known and not all(known[metric].sound(value) for own in columns.values() for value in own):
            raise ValueError(f"a value of {metric} is out of bounds")
