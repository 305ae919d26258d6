"""Jobs on an existing Ray cluster: one worker process per CPU, on any node.

Nodes need only this package and its dependencies: :mod:`ctrbench.execution.shipment` sends them the data, and
checkpoints and results come back to the driver. Like a local worker, a worker on a node makes a step only when the
driver asks for it. When a worker or its node is lost, the job resumes elsewhere from its last handed-over checkpoint.
"""

import dataclasses
import logging
import signal
import socket
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctrbench.errors import CtrbenchError
from ctrbench.execution.handover import Assignment, Handover, OnHandover, Result, Work
from ctrbench.execution.shipment import DataShipment, cache_folder
from ctrbench.execution.worker import Worker, failure, use_one_thread

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
except ModuleNotFoundError:
    raise CtrbenchError("--cluster needs Ray; run: pip install 'ctrbench[cluster]'") from None

POLL_SECONDS = 1.0
"""Between two checks of how many CPUs the cluster has."""
CONNECT_SECONDS = 10.0
MOST_LOSSES = 3
"""Workers that a job may lose without a look handed over in between; it may be the job that kills them."""
MOST_FAILED_STARTS = 5
"""How many workers in a row may end before they are ready."""


class NodeWorker:
    """A :class:`Worker` on a node."""

    def __init__(self) -> None:
        use_one_thread()
        self._worker = Worker()
        self._folders: dict[str, Path] = {}

    def ready(self) -> None:
        """Returns once the process has started."""

    def begin(self, work: Work, assignment: Assignment, shipment: DataShipment) -> Handover | Result:
        """Fetches the data, then as :meth:`Worker.begin`."""
        try:
            if shipment.fingerprint not in self._folders:
                self._folders[shipment.fingerprint] = shipment.unpack(cache_folder(), ray.get)
        except CtrbenchError as error:
            return failure(assignment.identity, error)
        return self._worker.begin(work, assignment, self._folders[shipment.fingerprint])

    def advance(self) -> Handover | Result:
        """As :meth:`Worker.advance`."""
        return self._worker.advance()


@dataclass
class _Job:
    """The driver's view of a job."""

    assignment: Assignment
    """With the last checkpoint that was handed over."""
    looks: int = 0
    """The most that were handed over; with one look per epoch these are epochs."""
    losses: int = 0
    """Workers lost since the last look was handed over."""

    def note(self, handover: Handover) -> None:
        self.assignment = dataclasses.replace(self.assignment, checkpoint=handover.checkpoint)
        if len(handover.epochs) > self.looks:
            self.looks, self.losses = len(handover.epochs), 0


class _Queue:
    """Jobs to begin: first those that lost their worker, then those that never began."""

    def __init__(self, assignments: Iterable[Assignment]) -> None:
        self._fresh = iter(assignments)
        self._lost: deque[_Job] = deque()
        self._exhausted = False

    @property
    def is_empty(self) -> bool:
        """Whether no job is known to be left."""
        return self._exhausted and not self._lost

    def take(self) -> _Job | None:
        if self._lost:
            return self._lost.popleft()
        if not self._exhausted and (assignment := next(self._fresh, None)) is not None:
            return _Job(assignment)
        self._exhausted = True
        return None

    def put_back(self, job: _Job) -> None:
        self._lost.append(job)


class RayExecutor:
    """Up to ``jobs`` jobs at a time, by default as many as the cluster has CPUs, of one thread each."""

    def __init__(self, address: str, data: Path, *, jobs: int | None = None) -> None:
        """Connects to the cluster.

        Args:
            address: ``HOST:PORT`` of the cluster's head, or ``auto`` on a machine that belongs to the cluster.
            data: the data folder of this machine.
            jobs: most jobs at a time.

        Raises:
            CtrbenchError: no cluster answers at the address.
        """
        self._address = address
        self._data = data
        self._jobs = jobs
        self._shipments: dict[str, DataShipment] = {}
        self._starting: dict[Any, Any] = {}
        """Reference to what a worker will answer -> the worker."""
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, _Job]] = {}
        """Reference to what a worker will answer -> the worker and its job."""
        self._failed_starts = 0
        _connect(address)
        self._actor = ray.remote(num_cpus=1, scheduling_strategy="SPREAD")(NodeWorker)

    @property
    def workers(self) -> int:
        """As :attr:`ctrbench.execution.handover.Executor.workers`: one for every CPU that the cluster has now."""
        cpus = int(ray.cluster_resources().get("CPU", 0))
        return cpus if self._jobs is None else min(cpus, self._jobs)

    def run(self, assignments: Iterable[Assignment], work: Work, on_handover: OnHandover) -> Iterator[Result]:
        """As :meth:`ctrbench.execution.handover.Executor.run`."""
        queue = _Queue(assignments)
        try:
            while True:
                while self._idle and (job := queue.take()):
                    self._begin(job, work)
                if queue.is_empty and not self._busy:
                    return
                if not queue.is_empty:
                    self._start_workers()
                for reference in self._wait():
                    if reference in self._starting:
                        self._welcome(reference)
                    elif result := self._answer(reference, queue, on_handover):
                        yield result
        except RayError as error:
            message = f"--cluster {self._address}: {_first_line(error)}; run the same command to resume"
            raise CtrbenchError(message) from error
        finally:
            for actor, _ in self._busy.values():
                ray.kill(actor)
            self._busy.clear()

    def close(self) -> None:
        """Ends the workers and leaves the cluster."""
        ray.shutdown()

    def _start_workers(self) -> None:
        """Starts as many workers as the cluster has CPUs; a worker waits for a CPU that is in use."""
        for _ in range(self.workers - len(self._starting) - len(self._idle) - len(self._busy)):
            actor = self._actor.remote()
            self._starting[actor.ready.remote()] = actor

    def _wait(self) -> list[Any]:
        references = [*self._starting, *self._busy]
        if references:
            return ray.wait(references, timeout=POLL_SECONDS)[0]
        time.sleep(POLL_SECONDS)
        return []

    def _welcome(self, reference: Any) -> None:
        actor = self._starting.pop(reference)
        try:
            ray.get(reference)
        except RayError as error:
            self._failed_starts += 1
            if self._failed_starts < MOST_FAILED_STARTS:
                return
            message = f"no worker starts ({_last_line(error)}); install the same ctrbench on every node"
            raise CtrbenchError(f"--cluster {self._address}: {message}") from error
        self._failed_starts = 0
        self._idle.append(actor)

    def _begin(self, job: _Job, work: Work) -> None:
        dataset = job.assignment.dataset
        if dataset not in self._shipments:
            self._shipments[dataset] = DataShipment.pack(self._data / dataset, ray.put)
        actor = self._idle.pop()
        self._busy[actor.begin.remote(work, job.assignment, self._shipments[dataset])] = actor, job

    def _answer(self, reference: Any, queue: _Queue, on_handover: OnHandover) -> Result | None:
        """Handles a worker's answer; returns the job's result if the job has ended."""
        actor, job = self._busy.pop(reference)
        try:
            step: Handover | Result = ray.get(reference)
        except RayTaskError as error:
            step = _not_exchanged(job, error)
        except RayError as error:
            # The worker may still run behind a broken connection.
            ray.kill(actor)
            return _lose(job, error, queue)
        if isinstance(step, Handover):
            job.note(step)
            on_handover(step)
            self._busy[actor.advance.remote()] = actor, job
            return None
        self._idle.append(actor)
        return step


def _connect(address: str) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    host, _, port = address.rpartition(":")
    try:
        if port.isdigit():
            # Without a limit, Ray tries for minutes.
            socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ImportError, OverflowError, RuntimeError, ValueError) as error:
        raise CtrbenchError(
            f"--cluster {address}: no Ray cluster to connect to ({_first_line(error)}); "
            "start one with: ray start --head, and pass the address that it prints"
        ) from None
    finally:
        # Ray replaces the signal handler.
        signal.signal(signal.SIGTERM, handler)


def _not_exchanged(job: _Job, error: RayTaskError) -> Result:
    """The result of a job that a node cannot unpickle, or whose output the node cannot pickle."""
    reason = f"{type(error.cause).__name__}: {_first_line(error.cause or error)}"
    cause = f"a node cannot read the job or send its output ({reason}); install the driver's packages on every node"
    return Result(job.assignment.identity, "failed", cause=cause, traceback=str(error))


def _lose(job: _Job, error: RayError, queue: _Queue) -> Result | None:
    """Puts a job back into the queue after its worker was lost, unless the job has lost too many workers."""
    job.losses += 1
    if job.losses < MOST_LOSSES:
        queue.put_back(job)
        return None
    cause = f"lost {job.losses} workers before look {job.looks + 1} ({_last_line(error)}); most likely for memory"
    return Result(job.assignment.identity, "failed", cause=cause, traceback=str(error))


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _last_line(error: BaseException) -> str:
    return next(reversed(str(error).strip().splitlines()), type(error).__name__).strip()
