"""Measures finished jobs again, from stored predictions: for a new cohort, another cut of a column, or a new metric."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ctrbench.data.prepared import Prepared
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.measure.job import measure_job, stored_targets
from ctrbench.store.record import Record, TaskMetrics
from ctrbench.store.store import Entry, Store


@dataclass(frozen=True)
class Remeasured:
    """What became of some finished jobs."""

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
    """Replaces the metrics of finished jobs by those of their stored predictions on the data as prepared now.

    Values of columns and metrics that are not measured this time are kept where the data are unchanged.

    Args:
        records: finished jobs, judged on test rows.
        store: holds their predictions, and takes the new values.
        data: folder of the prepared data.
        expressions: columns to measure beside those that every job has.
        metrics: names; None for all that are registered.

    Raises:
        CtrbenchError: a dataset is not prepared, was trained on with other data, or has no such column; a metric is
            unknown; a file is damaged or cannot be written.
    """
    prepared: dict[str, Prepared] = {}
    done, lacking = [], []
    for record in records:
        predictions = store.work.read_predictions(record.identity)
        if predictions is None:
            lacking.append(record)
            continue
        if record.dataset not in prepared:
            prepared[record.dataset] = Prepared.read(data / record.dataset)
        own = prepared[record.dataset]
        if own.manifest.fingerprint != record.fingerprint:
            raise CtrbenchError(
                f"{record.dataset}: job {record.identity[:12]} was trained on other data than is prepared in {data}; "
                "prepare those data, or run the job again"
            )
        tasks = Tasks.of(record.config.data, own.manifest.labels, record.dataset)
        rows = torch.from_numpy(predictions["row"].to_numpy().copy())
        predicted = np.stack([predictions[task].to_numpy() for task in tasks.trained], 1)
        targets = stored_targets(own, rows, tasks)
        found = measure_job(own, rows, tasks, targets, predicted, expressions=expressions, metrics=metrics)
        entry = store.read(record.identity, (record.dataset, record.backbone, record.method))
        renewed = _renewed(entry, found.tasks, found.facts.measuring_fingerprint)
        facts = entry.facts.merged(found.facts) if entry.facts.key == found.facts.key else found.facts
        store.rewrite(Entry(renewed, facts))
        done.append(renewed)
    return Remeasured(tuple(done), tuple(lacking))


def _renewed(entry: Entry, tasks: dict[str, TaskMetrics], measuring_fingerprint: str) -> Record:
    """The record with new metrics over its old ones, which count no more once the measured columns changed."""
    if entry.record.measuring_fingerprint == measuring_fingerprint:
        tasks = {task: _over(entry.record.tasks.get(task), new) for task, new in tasks.items()}
    return entry.record.model_copy(update={"tasks": tasks, "measuring_fingerprint": measuring_fingerprint})


def _over(before: TaskMetrics | None, new: TaskMetrics) -> TaskMetrics:
    if before is None or before.definition != new.definition:
        return new
    values = {metric: dict(columns) for metric, columns in before.values.items()}
    for metric, columns in new.values.items():
        values.setdefault(metric, {}).update(columns)
    return new.model_copy(update={"values": values})
