"""Which jobs of a plan are done, and which are left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ctrbench.planning.plan import Job, Plan
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.store import Store


@dataclass(frozen=True)
class Status:
    """The state of a plan's jobs in the store."""

    done: Sequence[Job]
    left: Sequence[Job]
    failed: Sequence[tuple[Job, str]]
    """The jobs of ``left`` whose last attempt failed, with the cause."""
    refused: dict[RowKey, str]
    stale: int
    """Number of finished jobs with the same configurations, but other data, algorithm or plug-in code."""


def status(plan: Plan, store: Store) -> Status:
    """Compares a plan with the store.

    Raises:
        CtrbenchError: a record is damaged.
    """
    done = [job for job in plan.jobs if store.finished(job.identity, job.names)]
    identities = {job.identity for job in done}
    left = [job for job in plan.jobs if job.identity not in identities]
    failures = [(job, store.work.failure(job.identity)) for job in left]
    return Status(
        done=done,
        left=left,
        failed=[(job, failure.cause) for job, failure in failures if failure],
        refused=plan.refused,
        stale=count_stale(left, store),
    )


def count_stale(left: Iterable[Job], store: Store) -> int:
    """Number of finished jobs that have the configuration of an unfinished job and are not used by the plan."""
    count = 0
    for job in left:
        same = (entry.record for entry in store.entries(*job.names) if entry.record.config == job.config)
        count += sum(record.identity != job.identity for record in same)
    return count


def stale_line(stale: int) -> str:
    """One sentence about stale finished jobs."""
    jobs = "1 finished job is stale" if stale == 1 else f"{stale} finished jobs are stale"
    return f"{jobs}: made with other data, another version of the algorithm, or another version of a plug-in"
