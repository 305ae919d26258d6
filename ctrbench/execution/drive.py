"""The driver: the one process that claims jobs, hands them to an executor, and writes their results to the store."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Literal

from ctrbench.execution.handover import Assignment, Executor, Handover, Result, Work
from ctrbench.execution.order import Order, Output
from ctrbench.planning.plan import Job
from ctrbench.store.defaults import Defaults
from ctrbench.store.record import Record
from ctrbench.store.store import Store
from ctrbench.store.work import Failure, Progress

POLL_SECONDS = 0.5
"""Between two checks of jobs that other drivers hold."""


@dataclass(frozen=True)
class RunContext:
    """What running jobs needs besides their configurations."""

    store: Store
    executor: Executor
    work: Work
    defaults: Defaults
    columns: tuple[str, ...] = ()
    """Column expressions to measure besides the columns that every job has."""


@dataclass(frozen=True)
class Outcome:
    """How a job ended."""

    job: Job
    status: Literal["finished", "failed"]
    record: Record | None = None
    cause: str | None = None
    """Why the job failed, one line."""
    diverged: bool = False
    """True if the job failed because training diverged: it would diverge again."""


def drive(
    jobs: Sequence[Job],
    context: RunContext,
    *,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Runs all jobs that have no record; a failed job is noted, and the others continue.

    Jobs that another driver holds are awaited, and taken over if that driver dies.

    Returns:
        The outcomes of the jobs that had no record, in the order in which they ended.

    Raises:
        CtrbenchError: the results folder cannot be written, or the system killed a worker.
    """
    context.store.work.require_writable()
    pending = [job for job in jobs if not context.store.finished(job.identity, job.names)]
    outcomes: list[Outcome] = []
    while pending:
        turn = _Turn(context)
        for outcome in turn.outcomes(pending):
            outcomes.append(outcome)
            if on_outcome:
                on_outcome(outcome)
        if len(turn.held) == len(pending):
            time.sleep(POLL_SECONDS)
        pending = turn.held
    return outcomes


@dataclass
class _Turn:
    """One pass over jobs: jobs that another driver holds are left for the next pass."""

    context: RunContext
    held: list[Job] = field(default_factory=list)
    _claims: dict[str, ExitStack] = field(default_factory=dict)
    _jobs: dict[str, Job] = field(default_factory=dict)
    _found: list[Outcome] = field(default_factory=list)
    """Jobs that another driver finished in the meantime."""
    _paces: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Identity -> looks and time of its first handover."""

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[Outcome]:
        context = self.context
        try:
            for result in context.executor.run(self._assignments(jobs), context.work, self._on_handover):
                yield from self._drain()
                outcome = self._outcome(result)
                self._claims.pop(result.identity).close()
                yield outcome
            yield from self._drain()
        finally:
            for claim in self._claims.values():
                claim.close()

    def _assignments(self, jobs: Iterable[Job]) -> Iterator[Assignment]:
        store = self.context.store
        for job in jobs:
            with ExitStack() as claim:
                if not claim.enter_context(store.work.claim(job.identity)):
                    self.held.append(job)
                    continue
                if store.finished(job.identity, job.names):
                    self._found.append(Outcome(job, "finished", store.read(job.identity, job.names).record))
                    continue
                self._claims[job.identity] = claim.pop_all()
            self._jobs[job.identity] = job
            order = Order(job, self.context.defaults, self.context.columns)
            checkpoint = store.work.checkpoint(job.identity)
            yield Assignment(job.identity, job.config.dataset, order, checkpoint)

    def _drain(self) -> Iterator[Outcome]:
        while self._found:
            yield self._found.pop(0)

    def _on_handover(self, handover: Handover) -> None:
        work, epoch, now = self.context.store.work, len(handover.epochs), time.time()
        first, began = self._paces.setdefault(handover.identity, (epoch, now))
        pace = (now - began) / (epoch - first) if epoch > first else None
        progress = Progress(epoch=epoch, at_most=handover.at_most, seconds_per_epoch=pace, updated=now)
        if handover.checkpoint is not None and epoch > first:
            work.write_checkpoint(handover.identity, handover.checkpoint)
        work.write_progress(handover.identity, progress)

    def _outcome(self, result: Result) -> Outcome:
        job, work = self._jobs[result.identity], self.context.store.work
        if result.status == "finished":
            output: Output = result.output
            work.write(output.record, output.facts, output.predictions, output.representations)
            return Outcome(job, "finished", output.record)
        cause = result.cause or "unknown"
        work.mark_failed(
            Failure(identity=job.identity, config=job.config, cause=cause, traceback=result.traceback or "")
        )
        return Outcome(job, "failed", cause=cause, diverged=result.diverged)


def failure_line(outcomes: Sequence[Outcome]) -> str | None:
    """One line that names the failures; None if no job failed."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if not failed:
        return None
    first = failed[0]
    return (
        f"{len(failed)} of {len(outcomes)} jobs failed; {first.job}: {first.cause}; the same command tries them again"
    )
