"""Measures finished jobs again, from stored predictions: for a new cohort, another cut of a column, or a new metric."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.measure.job import measure_job, stored_targets
from ctrbench.store.record import Record, TaskMetrics
from ctrbench.store.store import Entry, Store


@dataclass(frozen=True)
class Remeasured:
    """The result of measuring finished jobs again."""

    measured: tuple[Record, ...]
    without_predictions: tuple[Record, ...]
    """Jobs whose predictions are not in this work folder."""


def measure_again(
    records: Iterable[Record],
    *,
    store: Store,
    data: Path,
    expressions: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
) -> Remeasured:
    """Measures the stored predictions of finished jobs on the data as prepared now, and replaces the jobs' metrics.

    Values of columns and metrics that are not measured this time are kept where the measured columns are unchanged;
    where they changed, every registered metric is measured.

    Args:
        records: finished jobs, judged on test rows.
        store: holds their predictions, and takes the new values.
        data: folder of the prepared data.
        expressions: columns to measure besides those that every job has.
        metrics: names; None for all registered metrics.

    Raises:
        CtrbenchError: a dataset is not prepared, differs from the data that a job was trained on, or lacks a column; a
            metric is unknown; a file is damaged or cannot be written.
    """
    prepared: dict[str, Prepared] = {}
    done: list[Entry] = []
    lacking: list[Record] = []
    for record in records:
        if not store.work.predictions(record.identity).exists():
            lacking.append(record)
            continue
        if record.dataset not in prepared:
            prepared[record.dataset] = Prepared.read(data / record.dataset)
        own = prepared[record.dataset]
        if not own.manifest.was_read(record.fingerprint, record.cohorts, record.cohort_fingerprint):
            raise CtrbenchError(
                f"{record.dataset}: job {record.identity[:12]} was trained on other data than those in {data}; "
                "prepare those data, or run the job again"
            )
        entry = store.read(record.identity, record.names)
        done.append(_measured(entry, own, store, expressions, metrics))
    store.rewrite(done)
    return Remeasured(tuple(entry.record for entry in done), tuple(lacking))


def _measured(
    entry: Entry, prepared: Prepared, store: Store, expressions: Sequence[str], metrics: Sequence[str] | None
) -> Entry:
    record, manifest = entry.record, prepared.manifest
    tasks = Tasks.of(record.config.data, manifest.labels, record.dataset)
    rows, predicted = _predictions(record, prepared, tasks, store)
    same = record.measuring_fingerprint == manifest.measuring_fingerprint
    found = measure_job(
        prepared,
        rows,
        tasks,
        stored_targets(prepared, rows, tasks),
        predicted,
        expressions=expressions,
        metrics=metrics if same else None,
    )
    renewed = _renewed(entry, found.tasks, found.facts.measuring_fingerprint)
    return Entry(renewed, entry.facts.merged(found.facts) if same else found.facts)


def _predictions(
    record: Record, prepared: Prepared, tasks: Tasks, store: Store
) -> tuple[torch.Tensor, NDArray[np.floating]]:
    """Positions (R,) of the test rows in the order of a job's predictions, and the predictions (R, T).

    Raises:
        CtrbenchError: the file is damaged, or does not belong to the test rows and the tasks.
    """
    stored = store.work.read_predictions(record.identity)
    if stored is not None and set(stored.column_names) == {"row", *tasks.trained}:
        rows = torch.from_numpy(stored["row"].to_numpy().copy())
        if torch.equal(rows.sort().values, prepared.indices(Split.TEST)):
            return rows, np.stack([stored[task].to_numpy() for task in tasks.trained], 1)
    raise CtrbenchError(
        f"{store.work.predictions(record.identity)}: not predictions of {', '.join(tasks.trained)} for the test rows "
        f"of {record.dataset}; repeat the job: ctrbench run --force"
    )


def _renewed(entry: Entry, tasks: dict[str, TaskMetrics], measuring_fingerprint: str) -> Record:
    """The record with new metrics over its old ones, which are dropped once the measured columns changed."""
    if entry.record.measuring_fingerprint == measuring_fingerprint:
        tasks = {task: _over(entry.record.tasks.get(task), new) for task, new in tasks.items()}
    return entry.record.model_copy(update={"tasks": tasks, "measuring_fingerprint": measuring_fingerprint})


def _over(before: TaskMetrics | None, new: TaskMetrics) -> TaskMetrics:
    if before is None or before.definition != new.definition:
        return new
    values = {metric: {**before.values.get(metric, {}), **columns} for metric, columns in new.values.items()}
    left_out = {metric: {**before.left_out.get(metric, {}), **columns} for metric, columns in new.left_out.items()}
    return new.model_copy(update={"values": {**before.values, **values}, "left_out": {**before.left_out, **left_out}})
