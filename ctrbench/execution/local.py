"""Jobs on this machine: in the driver's process, or side by side in worker processes.

A worker process and the driver share one pipe. The driver asks for every step; a worker whose driver has died finds the
pipe closed at its next handover, and ends.
"""

import contextlib
import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ctrbench.errors import CtrbenchError
from ctrbench.execution.handover import Assignment, Handover, OnHandover, Result, Work
from ctrbench.execution.worker import Worker, use_one_thread

SPAWN = multiprocessing.get_context("spawn")
"""Workers inherit nothing: a forked worker would hold the driver's ends of its siblings' pipes, and torch's threads."""

KILLED = -9
"""Exit status of a process that got SIGKILL; Windows has no such signal."""


class LocalExecutor:
    """Up to ``jobs`` jobs at a time, of one thread each; with one, in the driver's process."""

    def __init__(self, data: Path, *, jobs: int = 1) -> None:
        self._data = data
        self._jobs = jobs
        self._idle: list[_Process] = []

    @property
    def workers(self) -> int:
        """As :attr:`ctrbench.execution.handover.Executor.workers`."""
        return self._jobs

    def run(self, assignments: Iterable[Assignment], work: Work, on_handover: OnHandover) -> Iterator[Result]:
        """As :meth:`ctrbench.execution.handover.Executor.run`."""
        if self._jobs == 1:
            return self._one_by_one(assignments, work, on_handover)
        return self._side_by_side(assignments, work, on_handover)

    def close(self) -> None:
        """Ends the idle worker processes."""
        while self._idle:
            self._idle.pop().kill()

    def _one_by_one(self, assignments: Iterable[Assignment], work: Work, on_handover: OnHandover) -> Iterator[Result]:
        use_one_thread()
        worker = Worker()
        for assignment in assignments:
            try:
                step = worker.begin(work, assignment, self._data)
                while isinstance(step, Handover):
                    on_handover(step)
                    step = worker.advance()
            finally:
                worker.drop()
            yield step

    def _side_by_side(self, assignments: Iterable[Assignment], work: Work, on_handover: OnHandover) -> Iterator[Result]:
        waiting = iter(assignments)
        busy: list[_Process] = []
        try:
            while True:
                while len(busy) < self._jobs and (assignment := next(waiting, None)) is not None:
                    process = self._process()
                    busy.append(process)
                    process.send("begin", work, assignment, self._data)
                if not busy:
                    return
                ready = wait([process.connection for process in busy])
                for process in [process for process in busy if process.connection in ready]:
                    step = process.receive()
                    if isinstance(step, Handover):
                        on_handover(step)
                        process.send("advance")
                        continue
                    busy.remove(process)
                    self._idle.append(process)
                    yield step
        finally:
            for process in busy:
                process.kill()

    def _process(self) -> "_Process":
        while self._idle:
            process = self._idle.pop()
            if process.alive:
                return process
            process.kill()
        return _Process()


class _Process:
    """The driver's view of a worker process."""

    def __init__(self) -> None:
        self.connection, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        # Without a copy of the worker's end in this process, the worker's death closes the pipe.
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def send(self, step: str, *arguments: object) -> None:
        """Asks for a step of :class:`Worker`.

        Raises:
            CtrbenchError: the process has ended.
        """
        try:
            self.connection.send((step, arguments))
        except ConnectionError:
            raise self._death() from None

    def receive(self) -> Handover | Result:
        """The answer to the last step that was asked for.

        Raises:
            CtrbenchError: the process has ended.
        """
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError):
            raise self._death() from None

    def kill(self) -> None:
        self._process.kill()
        self._process.join()
        self.connection.close()

    def _death(self) -> CtrbenchError:
        self._process.join()
        if self._process.exitcode == KILLED:
            return CtrbenchError(
                "the system killed a job, most likely for memory; run the same command with a smaller --jobs"
            )
        return CtrbenchError(
            f"the process of a job ended with exit status {self._process.exitcode}; run the same command to resume"
        )


def _serve(connection: "Connection[Any, Any]") -> None:
    """Main loop of a worker process."""
    # Ctrl-C reaches the whole process group; the driver ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_one_thread()
    worker = Worker()
    # The driver has died: nobody is left to hand over to.
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            step, arguments = connection.recv()
            connection.send(getattr(worker, step)(*arguments))
    worker.drop()
