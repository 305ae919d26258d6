"""The worker's side of a job: one step at a time, each requested by the driver."""

import contextlib
import os
import sys
import traceback
from pathlib import Path

from ctrbench.errors import CtrbenchError, DivergedError
from ctrbench.execution.handover import Assignment, Handover, Result, Steps, Work

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
TRACEBACK_FRAMES = 8


def use_one_thread() -> None:
    """Limits this process's numerical libraries to one thread.

    Jobs run side by side, one per core, and sums over several threads have other bits. Libraries that are loaded later
    read the environment; if torch is loaded already, its number of threads must be set.
    """
    os.environ.update(dict.fromkeys(THREAD_LIMITS, "1"))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def failure(identity: str, error: Exception) -> Result:
    """The result of a job that raised an exception; call it while the exception is being handled."""
    cause = str(error) if isinstance(error, CtrbenchError) else f"{type(error).__name__}: {error}"
    return Result(
        identity,
        "failed",
        cause=" ".join(cause.split()),
        traceback=traceback.format_exc(limit=-TRACEBACK_FRAMES),
        diverged=isinstance(error, DivergedError),
    )


class Worker:
    """Runs one job after another: ``begin``, then ``advance`` until the job has a result; ``drop`` ends it earlier."""

    def __init__(self) -> None:
        self._identity = ""
        self._steps: Steps | None = None

    def begin(self, work: Work, assignment: Assignment, data: Path) -> Handover | Result:
        """Starts a job; returns its first handover, or its result."""
        self._identity = assignment.identity
        try:
            self._steps = work(assignment, data)
        except Exception as error:
            return failure(self._identity, error)
        return self.advance()

    def advance(self) -> Handover | Result:
        """Lets the job run to its next handover or its end."""
        assert self._steps is not None, "no job has begun"
        try:
            return next(self._steps)
        except StopIteration as end:
            result = Result(self._identity, "finished", output=end.value)
        except Exception as error:
            result = failure(self._identity, error)
        self._steps = None
        return result

    def drop(self) -> None:
        """Ends the job under way, if any."""
        if self._steps is not None:
            # Nobody waits for the job any more; an exception of its clean-up would hide why.
            with contextlib.suppress(Exception):
                self._steps.close()
            self._steps = None
