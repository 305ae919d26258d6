"""Finished jobs whose predictions were made up: nothing is trained."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.tasks import Tasks
from ctrbench.measure.job import measure_job, stored_targets
from ctrbench.store.identity import canonical
from ctrbench.store.store import Entry, Store
from tests.fakes import records


@pytest.fixture
def data(tmp_path: Path, data_folder: Path) -> Path:
    """A copy of ``small`` that a test may prepare again."""
    shutil.copytree(data_folder / "small", tmp_path / "data" / "small")
    return tmp_path / "data"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.of(tmp_path / "results")


@pytest.fixture
def finish(store: Store) -> Callable[..., Entry]:
    """Leaves what a job leaves in the work folder; its predictions are random numbers of its seed."""

    def write(prepared: Prepared, seed: int = 0, method: str = "plain", *, columns=(), cohorts=(), **data) -> Entry:
        job = records.config(
            method, seed, dataset=prepared.manifest.name, settings=canonical({"data": data} if data else {})
        )
        tasks = Tasks.of(job.data, prepared.manifest.labels, "here")
        rows = prepared.indices(Split.TEST)
        predicted = np.random.default_rng(seed).random((len(rows), len(tasks.trained)), np.float32)
        targets = stored_targets(prepared, rows, tasks)
        found = measure_job(prepared, rows, tasks, targets, predicted, expressions=columns)
        record = records.record(job, prepared.manifest, cohorts=cohorts, tasks=found.tasks)
        table = {"row": rows.numpy()} | {task: predicted[:, place] for place, task in enumerate(tasks.trained)}
        store.work.write(record, found.facts, pa.table(table), None)
        return Entry(record, found.facts)

    return write
