"""The factory of records: what a job would leave if it had been trained."""

from collections.abc import Iterable

from ctrbench.data.schema import Manifest, digest
from ctrbench.data.tasks import Tasks
from ctrbench.measure.columns import data_facts
from ctrbench.metrics.groups import ACTIVENESS, OVERALL
from ctrbench.store.identity import ALGORITHM_VERSION, JobConfig, Plugin
from ctrbench.store.record import DataFacts, Environment, Groups, Record, ReferenceRecord, TaskMetrics, Timings
from ctrbench.store.store import Entry
from ctrbench.training.history import EpochMetrics

COLUMNS: dict[str, tuple[str, ...]] = {OVERALL: (OVERALL,), "activeness": ACTIVENESS}
"""Column -> groups that a record is measured by."""

ENVIRONMENT = Environment(versions={"python": "3.12"}, machine="toy", cores=1, threads=1, device="cpu")


def config(
    method: str = "plain", seed: int = 0, *, dataset: str = "toy", backbone: str = "net", **changes
) -> JobConfig:
    """A job's configuration; ``changes`` are its other fields, ``settings`` among them."""
    return JobConfig(dataset=dataset, backbone=backbone, method=method, seed=seed, **changes)


def record(
    job: JobConfig,
    data: Manifest,
    *,
    auc: float | None = None,
    plugins: Iterable[Plugin] = (),
    cohorts: tuple[str, ...] = (),
    **changes,
) -> Record:
    """A job's record, of every task that it has, in every group of ``COLUMNS``.

    ``auc`` is the value of all groups, else one that the configuration alone decides; ``changes`` are fields.
    """
    auc = pretended_auc(job) if auc is None else auc
    tasks = Tasks.of(job.data, data.labels, data.name)
    epochs = job.settings.get("training", {}).get("epochs", 4)
    document = {
        "identity": job.identity(data.fingerprint_with(cohorts), tuple(plugins)),
        **{name: getattr(job, name) for name in JobConfig.model_fields},
        "plugins": tuple(plugins),
        "algorithm_version": ALGORITHM_VERSION,
        "fingerprint": data.fingerprint,
        "cohorts": cohorts,
        "cohort_fingerprint": data.fingerprint_with(cohorts) if cohorts else None,
        "measuring_fingerprint": data.measuring_fingerprint,
        "best_epoch": 1,
        "epochs": tuple(epoch_metrics(number + 1, auc=auc, tasks=tasks.names) for number in range(epochs)),
        "tasks": {task: TaskMetrics(definition=tasks.definition(task), values=values(auc)) for task in tasks.names},
        "timings": Timings(
            training_seconds=2, training_cpu_seconds=2, rows_per_second=10, evaluation_seconds=0.1, peak_memory_mb=1
        ),
        "environment": ENVIRONMENT,
    }
    return Record(**{**document, **changes})


def pretended_auc(job: JobConfig) -> float:
    """A number in [0, 1) that follows from a configuration."""
    return int(digest(job.model_dump(mode="json"))[:8], 16) / 16**8


def values(auc: float) -> dict[str, dict[str, list[float | None]]]:
    """Metric -> column -> one value per group."""
    numbers = {"auc": auc, "logloss": 1 - auc, "ne": 1.0, "calibration": 1.0}
    return {
        metric: {column: [number] * len(groups) for column, groups in COLUMNS.items()}
        for metric, number in numbers.items()
    }


def epoch_metrics(
    epoch: int, *, auc: float = 0.5, logloss: float = 0.5, tasks: tuple[str, ...] = ("click",)
) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        loss=0.5,
        parts=dict.fromkeys(tasks, 0.5),
        validation={task: {"auc": auc, "logloss": logloss} for task in tasks},
        seconds=1.0,
        cpu_seconds=1.0,
        rows_per_second=10.0,
    )


def facts(data: Manifest, definitions: Iterable[str] = ("click",)) -> DataFacts:
    """The facts of some data, with the groups of ``COLUMNS`` for each definition of a task."""
    groups = {
        column: Groups(
            names=list(names), rows=[30 // len(names)] * len(names), positives=[15 // len(names)] * len(names)
        )
        for column, names in COLUMNS.items()
    }
    return data_facts(data).model_copy(update={"groups": {definition: dict(groups) for definition in definitions}})


def entry(job: JobConfig, data: Manifest, **changes) -> Entry:
    """A record and the facts of its data; ``changes`` as in :func:`record`."""
    made = record(job, data, **changes)
    return Entry(made, facts(data, (metrics.definition for metrics in made.tasks.values())))


def reference(data: Manifest, name: str = "random", task: str = "click", auc: float = 0.5) -> ReferenceRecord:
    """A reference row of a task's definition."""
    return ReferenceRecord(
        dataset=data.name,
        reference=name,
        task=task,
        fingerprint=data.fingerprint,
        measuring_fingerprint=data.measuring_fingerprint,
        probabilities=False,
        values={"auc": values(auc)["auc"]},
    )
