"""Executing a plan on one machine: jobs of one thread each, side by side, resumable, shared with other processes."""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from ctrbench.errors import CtrbenchError, DivergedError
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.ledger import Failure, Ledger, Progress
from ctrbench.experiments.plan import Run
from ctrbench.experiments.record import RunRecord
from ctrbench.training.history import EpochMetrics, OnEpoch

if TYPE_CHECKING:
    import pyarrow as pa

Watch = Callable[[Sequence[EpochMetrics]], None]
"""Told a run's epochs so far; raises :class:`GivenUp`."""

POLL_SECONDS = 0.5
"""Between two looks at runs that other processes hold."""


class Runner(Protocol):
    """As :func:`ctrbench.experiments.single.execute_run`."""

    def __call__(
        self,
        config: RunConfig,
        *,
        data: Path,
        working: Path,
        device: str,
        on_epoch: OnEpoch,
    ) -> "tuple[RunRecord, pa.Table]":
        """Goes on from what it finds in ``working``.

        Calls ``on_epoch(epochs so far, epochs at most)`` once before the first epoch, with what ``working`` holds, and
        after each epoch.
        """
        ...


@dataclass(frozen=True)
class Site:
    """Where runs are made."""

    ledger: Ledger
    runner: Runner
    data: Path
    device: str = "auto"


@dataclass(frozen=True)
class Outcome:
    """What became of a run."""

    run: Run
    status: Literal["finished", "failed", "held", "given up"]
    """``held``: another process works on it; ``given up``: its watch wanted no more of it."""
    record: RunRecord | None = None
    cause: str | None = None
    """Of a failure, one line."""
    diverged: bool = False
    """Of a failure: training diverged, and would again."""


class GivenUp(Exception):  # noqa: N818 - no error
    """Raised by a watch: the run is not worth another epoch."""


class Orphaned(BaseException):
    """The process that started this job is gone; not an Exception, so it is not taken for a failure of the run."""


def execute(
    runs: Sequence[Run],
    site: Site,
    *,
    jobs: int = 1,
    on_outcome: Callable[[Outcome], None] | None = None,
    watches: Mapping[str, Watch] = MappingProxyType({}),
) -> list[Outcome]:
    """Makes all runs that have no record; a run that fails is noted and the others go on.

    Runs that another process holds are awaited, and taken over when it dies. ``watches`` (identity -> watch) are told
    the epochs of a run, inside its job, and may give it up.

    Returns:
        The outcomes of the runs that had no record, in the order in which they ended.

    Raises:
        CtrbenchError: the results folder cannot be written, or the system killed a job.
    """
    site.ledger.require_writable()
    pending = [run for run in runs if not site.ledger.finished(run.identity)]
    outcomes: list[Outcome] = []
    while pending:
        held = []
        for outcome in _side_by_side(pending, site, min(jobs, len(pending)), watches):
            if outcome.status == "held":
                held.append(outcome.run)
                continue
            outcomes.append(outcome)
            if on_outcome:
                on_outcome(outcome)
        if len(held) == len(pending):
            time.sleep(POLL_SECONDS)
        pending = held
    return outcomes


def _side_by_side(runs: Sequence[Run], site: Site, jobs: int, watches: Mapping[str, Watch]) -> Iterator[Outcome]:
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs", batch_size=1)
        try:
            yield from parallel(
                joblib.delayed(_attempt)(run, site, os.getpid(), watches.get(run.identity)) for run in runs
            )
        except TerminatedWorkerError:
            message = "the system killed a job, most likely for memory; run the same command with a smaller --jobs"
            raise CtrbenchError(message) from None


def _attempt(run: Run, site: Site, starter: int, watch: Watch | None = None) -> Outcome:
    _settle_job(starter)
    ledger = site.ledger
    with ledger.claim(run.identity) as claimed:
        if not claimed:
            return Outcome(run, "held")
        if ledger.finished(run.identity):
            return Outcome(run, "finished", ledger.read(run.identity))
        try:
            record, predictions = site.runner(
                run.config,
                data=site.data,
                working=ledger.working(run.identity),
                device=site.device,
                on_epoch=_EpochReport(run.identity, ledger, starter, watch),
            )
            if record.identity != run.identity:
                raise CtrbenchError(f"{run.config.dataset}: the prepared data changed; run the same command again")
        except GivenUp as reason:
            ledger.clear(run.identity)
            return Outcome(run, "given up", cause=str(reason))
        except Exception as error:
            cause = str(error) if isinstance(error, CtrbenchError) else f"{type(error).__name__}: {error}"
            cause = " ".join(cause.split())
            failure = Failure(
                identity=run.identity, config=run.config, cause=cause, traceback=traceback.format_exc(limit=-8)
            )
            ledger.mark_failed(failure)
            return Outcome(run, "failed", cause=cause, diverged=isinstance(error, DivergedError))
        ledger.write(record, predictions)
        return Outcome(run, "finished", record)


def _settle_job(starter: int) -> None:
    import torch  # noqa: PLC0415 - planning must not wait for it

    torch.set_num_threads(1)
    if os.getpid() != starter:
        # Ctrl-C reaches the whole process group; the starter ends its jobs itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class _EpochReport:
    """The ``on_epoch`` of one attempt."""

    def __init__(self, identity: str, ledger: Ledger, starter: int, watch: Watch | None) -> None:
        self._identity = identity
        self._ledger = ledger
        self._starter = starter
        self._watch = watch
        self._first: tuple[int, float] | None = None

    def __call__(self, epochs: Sequence[EpochMetrics], at_most: int) -> None:
        epoch = len(epochs)
        if self._starter not in (os.getpid(), os.getppid()):
            raise Orphaned
        now = time.time()
        self._first = self._first or (epoch, now)
        first, began = self._first
        pace = (now - began) / (epoch - first) if epoch > first else None
        progress = Progress(epoch=epoch, at_most=at_most, seconds_per_epoch=pace, updated=now)
        self._ledger.write_progress(self._identity, progress)
        if self._watch:
            self._watch(epochs)


def failure_line(outcomes: Sequence[Outcome]) -> str | None:
    """One line on what failed; None where nothing did."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if not failed:
        return None
    first = failed[0]
    name = f"{first.run.cell} seed {first.run.config.seed}"
    return f"{len(failed)} of {len(outcomes)} runs failed; {name}: {first.cause}; the same command tries them again"
