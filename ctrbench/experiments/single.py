"""One run from configuration to record: read, build, train, measure once."""

import resource
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from ctrbench.backbones.base import Backbone
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import ALGORITHM_VERSION, RunConfig
from ctrbench.experiments.environment import environment
from ctrbench.experiments.measure import columns_of, data_facts
from ctrbench.experiments.record import REPRESENTATIONS, RunRecord, Timings
from ctrbench.experiments.representations import representations
from ctrbench.methods.base import Method
from ctrbench.metrics.groups import measure
from ctrbench.training.build import build as build_modules
from ctrbench.training.build import feed_for
from ctrbench.training.fit import Training, fit
from ctrbench.training.history import OnEpoch
from ctrbench.training.predict import predict

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """``cpu``, ``cuda``, or ``auto``: cuda where there is one.

    Raises:
        CtrbenchError: another name, or cuda is asked for and there is none.
    """
    if name not in DEVICES:
        raise CtrbenchError(f"--device {name}: no such device; use cpu, cuda or auto")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise CtrbenchError("--device cuda: torch sees no CUDA device; use cpu or auto")
    return torch.device(name)


def build(config: RunConfig, feed: Feed) -> tuple[Backbone, Method]:
    """The backbone and the method of a run, with the initial weights of its seed.

    The plan has made sure that the method takes the backbone, the dataset and the fields.
    """
    return build_modules(
        feed,
        config.training,
        backbone=config.backbone,
        method=config.method,
        seed=config.seed,
        backbone_settings=config.backbone_settings,
        method_settings=config.method_settings,
    )


def execute_run(
    config: RunConfig,
    *,
    data: Path,
    working: Path,
    device: str,
    on_epoch: OnEpoch,
) -> tuple[RunRecord, pa.Table]:
    """Trains, or goes on from ``working/checkpoint.safetensors``, and measures the rows that ``config`` names, once.

    ``working`` is named by the run's identity; representations that ``config`` asks for are left there.

    Returns:
        The record, and the predictions: ``row`` (position in rows.parquet), ``label``, ``probability``.

    Raises:
        CtrbenchError: the data are not prepared or changed, or the training diverged.
    """
    prepared = Prepared.read(data / config.dataset, resolve_device(device))
    identity = config.identity(prepared.manifest.fingerprint)
    if identity != working.name:
        raise CtrbenchError(f"{config.dataset}: the prepared data changed; run the same command again")
    searching = config.measure == "tuning"
    feed = feed_for(config.method, config.method_settings, prepared, config.data, search_holdout=searching)
    surroundings = environment(feed.device)
    backbone, method = build(config, feed)
    training = Training(backbone, method, feed, config.training, config.seed)
    fit(training, working / "checkpoint.safetensors", on_epoch)
    started = time.perf_counter()
    split = Split.TEST if config.measure == "test" else Split.VALIDATION
    feed.unlock(split)
    examples = feed.split(split)
    # The main task alone is measured here.
    probability, label = predict(backbone, feed, split)[:, 0], examples.labels[:, 0].cpu().numpy()
    metrics = measure(label, probability, columns_of(prepared, examples.rows) if split == Split.TEST else {})
    evaluation_seconds = time.perf_counter() - started
    if config.representations:
        shown = representations(backbone, method, feed, config.representations)
        pq.write_table(shown, working / REPRESENTATIONS, compression="zstd")
    record = RunRecord(
        identity=identity,
        config=config,
        fingerprint=prepared.manifest.fingerprint,
        algorithm_version=ALGORITHM_VERSION,
        data=data_facts(prepared.manifest),
        environment=surroundings,
        epochs=tuple(training.epochs),
        best_epoch=training.best_epoch,
        metrics=tuple(metrics),
        timings=_timings(training, evaluation_seconds),
    )
    return record, pa.table(
        {"row": examples.rows.cpu().numpy(), "label": label.astype(np.int8), "probability": probability}
    )


def _timings(training: Training, evaluation_seconds: float) -> Timings:
    cpu_seconds = sum(epoch.cpu_seconds for epoch in training.epochs)
    rows = sum(epoch.rows_per_second * epoch.cpu_seconds for epoch in training.epochs)
    return Timings(
        training_seconds=sum(epoch.seconds for epoch in training.epochs),
        training_cpu_seconds=cpu_seconds,
        rows_per_second=rows / cpu_seconds,
        evaluation_seconds=evaluation_seconds,
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )
