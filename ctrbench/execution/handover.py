"""The messages between the driver and its workers.

The driver is the process that the user started; only the driver reads and writes the store. Workers know nothing of
the store: a worker gets an :class:`Assignment`, hands over a checkpoint after every look (an epoch or, with
``training.looks``, an equal part of one), and ends with a :class:`Result`. No disk is shared, and losing a worker costs
only its work since the last look.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class Assignment:
    """What a worker needs to run a job; picklable."""

    identity: str
    dataset: str
    """Name of the prepared dataset that the job reads, a folder in the data folder."""
    config: Any
    """Settings of the job; an executor does not look inside."""
    checkpoint: bytes | None = None
    """Where to resume; None starts at the first epoch."""


@dataclass(frozen=True)
class Handover:
    """State of a job, handed over before its first epoch and after each look; picklable."""

    identity: str
    epochs: tuple[Any, ...]
    """History so far (:class:`ctrbench.training.history.EpochMetrics`), one entry per look, restored ones
    included."""
    at_most: int
    """Largest number of looks that the job may take."""
    checkpoint: bytes | None
    """The state to resume from; None before the first epoch of a job that does not resume."""


@dataclass(frozen=True)
class Result:
    """How a job ended."""

    identity: str
    status: Literal["finished", "failed"]
    output: Any = None
    """Return value of a finished job's work; picklable."""
    cause: str | None = None
    """Why the job failed, one line."""
    traceback: str | None = None
    """The last frames of a failure's traceback."""
    diverged: bool = False
    """True if the job failed because training diverged: it would diverge again."""


Steps = Generator[Handover, None, Any]
"""A job under way: yields a handover before the first epoch and after each look, then returns the job's
output."""

Work = Callable[[Assignment, Path], Steps]
"""A picklable generator function: ``work(assignment, data)``, where ``data`` is a folder that holds the dataset.

The generator is closed at a ``yield`` when its driver is gone.
"""

OnHandover = Callable[[Handover], None]
"""Called in the driver."""


class Executor(Protocol):
    """Runs jobs."""

    @property
    def workers(self) -> int:
        """Number of jobs that it can run side by side at present."""
        ...

    def run(self, assignments: Iterable[Assignment], work: Work, on_handover: OnHandover) -> Iterator[Result]:
        """Runs jobs side by side and yields their results in the order in which they end.

        ``assignments`` is advanced only when a worker is free. It is advanced, and ``on_handover`` is called, in the
        thread that iterates over the results, never two at a time; a worker waits at a handover until ``on_handover``
        has returned. Closing the iterator ends the jobs under way. An executor has one ``run`` at a time, and keeps
        idle workers for the next.

        Raises:
            CtrbenchError: workers cannot be started, or the system killed one. A job's exception becomes its result.
        """
        ...

    def close(self) -> None:
        """Ends the workers."""
        ...
