"""One job from configuration to output: read, build, train, predict and measure once."""

import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import torch

from ctrbench.backbones.kernels import kernels_of, use_kernels
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.execution.environment import environment
from ctrbench.execution.handover import Assignment, Handover
from ctrbench.execution.order import Order, Output
from ctrbench.measure.job import measure_job
from ctrbench.measure.representations import representations
from ctrbench.planning.settings import full_settings
from ctrbench.store.record import Environment, FurtherModel, Record, Timings
from ctrbench.training.build import build, feed_for
from ctrbench.training.ensemble import Ensemble, model_seeds
from ctrbench.training.fit import Training

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> torch.device:
    """The device of a name: ``cpu``, ``cuda``, or ``auto``, which is cuda if a CUDA device is present.

    Raises:
        CtrbenchError: another name, or ``cuda`` without a CUDA device.
    """
    if name not in DEVICES:
        raise CtrbenchError(f"--device {name}: no such device; use cpu, cuda or auto")
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise CtrbenchError("--device cuda: torch sees no CUDA device; use cpu or auto")
    return torch.device(name)


@dataclass(frozen=True)
class RunJob:
    """The work of an executor: trains and measures one job on a device, with a choice of kernels."""

    device: str = "auto"
    kernels: str = "auto"

    def __call__(self, assignment: Assignment, data: Path) -> Generator[Handover, None, Output]:
        """Trains, or resumes from the assignment's checkpoint; yields a handover after each look.

        Raises:
            CtrbenchError: the data are not prepared or changed, the training diverged, or the kernels need numba.
        """
        order: Order = assignment.config
        config = order.job.config
        prepared = Prepared.read(data / config.dataset, resolve_device(self.device))
        feed, ensemble = _models(order, prepared, self.kernels)
        surroundings = environment(feed.device, kernels_of(ensemble.first.backbone, ensemble.first.method))
        if assignment.checkpoint is not None:
            _restore(ensemble, assignment.checkpoint, assignment.identity)
        at_most = ensemble.most_looks
        yield Handover(assignment.identity, ensemble.looks, at_most, assignment.checkpoint)
        for _ in ensemble.fit():
            yield Handover(assignment.identity, ensemble.looks, at_most, ensemble.checkpoint())
        return _output(order, prepared, feed, ensemble, surroundings)


def _models(order: Order, prepared: Prepared, kernels: str) -> tuple[Feed, Ensemble]:
    config, settings = order.job.config, full_settings(order.job.config, order.defaults)
    feed = feed_for(
        config.method, settings["method"], prepared, config.data, search_holdout=config.judged_on == "search_holdout"
    )
    fingerprint = prepared.manifest.fingerprint_with(_cohorts(feed))
    if config.identity(fingerprint, order.job.plugins) != order.job.identity:
        raise CtrbenchError(f"{config.dataset}: the prepared data changed; run the same command again")
    models = []
    for seed in model_seeds(config.seed, config.training.models):
        backbone, method = build(
            feed,
            config.training,
            backbone=config.backbone,
            method=config.method,
            seed=seed,
            backbone_settings=settings["backbone"],
            method_settings=settings["method"],
        )
        use_kernels(kernels, feed.device, backbone, method)
        models.append(Training(backbone, method, feed, config.training, seed, attention_rows=config.attention_rows))
    return feed, Ensemble(models)


def _restore(ensemble: Ensemble, checkpoint: bytes, identity: str) -> None:
    try:
        ensemble.restore(checkpoint)
    except CtrbenchError as error:
        way_out = f"remove work/jobs/{identity} in the results folder to begin the job anew"
        raise CtrbenchError(f"the job's checkpoint is {error}; {way_out}") from None


def _output(order: Order, prepared: Prepared, feed: Feed, ensemble: Ensemble, surroundings: Environment) -> Output:
    config, first = order.job.config, ensemble.first
    started = time.perf_counter()
    split = Split.TEST if config.judged_on == "test" else Split.VALIDATION
    feed.unlock(split)
    feed.end_training()
    examples = feed.split(split)
    predicted = ensemble.predict(split)
    measurement = measure_job(
        prepared,
        examples.rows,
        feed.tasks,
        feed.targets(examples),
        predicted,
        expressions=order.columns,
        by_group=split == Split.TEST,
    )
    seconds = time.perf_counter() - started
    shown = None
    if config.representations:
        shown = representations(first.backbone, first.method, feed, config.representations)
    facts, cohorts = measurement.facts, _cohorts(feed)
    record = Record(
        identity=order.job.identity,
        **{name: getattr(config, name) for name in type(config).model_fields},
        algorithm_version=order.job.algorithm_version,
        plugins=order.job.plugins,
        fingerprint=prepared.manifest.fingerprint,
        cohorts=cohorts,
        cohort_fingerprint=prepared.manifest.fingerprint_with(cohorts) if cohorts else None,
        measuring_fingerprint=facts.measuring_fingerprint,
        best_epoch=first.best_epoch,
        epochs=tuple(first.epochs),
        further_models=tuple(
            FurtherModel(best_epoch=model.best_epoch, epochs=tuple(model.epochs)) for model in ensemble.models[1:]
        ),
        tasks=measurement.tasks,
        weights=ensemble.weights,
        timings=_timings(ensemble, seconds),
        environment=surroundings,
    )
    columns = {"row": examples.rows.cpu().numpy()}
    columns |= {task: predicted[:, place] for place, task in enumerate(feed.tasks.trained)}
    return Output(record, facts, pa.table(columns), shown)


def _cohorts(feed: Feed) -> tuple[str, ...]:
    """Names of the cohort columns that the method reads."""
    return tuple(cohort.name for cohort in feed.cohorts)


def _timings(ensemble: Ensemble, evaluation_seconds: float) -> Timings:
    cpu_seconds = sum(look.cpu_seconds for look in ensemble.looks)
    rows = sum(look.rows_per_second * look.cpu_seconds for look in ensemble.looks)
    return Timings(
        training_seconds=sum(look.seconds for look in ensemble.looks),
        training_cpu_seconds=cpu_seconds,
        rows_per_second=rows / cpu_seconds,
        evaluation_seconds=evaluation_seconds,
        peak_memory_mb=_peak_memory_mb(),
    )


def _peak_memory_mb() -> float | None:
    """Peak resident memory of this process; None on a system that does not report it (Windows)."""
    try:
        import resource  # noqa: PLC0415 - Windows has no such module
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts kibibytes, macOS bytes.
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
