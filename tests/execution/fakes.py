"""Work that only sleeps and hashes, a store of files, and a driver of both that tests can kill."""

import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ctrbench.errors import CtrbenchError, DivergedError
from ctrbench.execution.handover import Assignment, Handover
from ctrbench.execution.local import LocalExecutor

ERRORS = {"diverged": DivergedError, "known": CtrbenchError, "unknown": ValueError}


@dataclass(frozen=True)
class Settings:
    """Of a fake job."""

    log: Path
    """Every epoch's start leaves a line in it: identity, epoch, process, node."""
    epochs: int = 3
    pause: float = 0.0
    """Seconds an epoch takes."""
    gate: Path | None = None
    """A folder: the second epoch ends once a file of the job's name is in it."""
    event: str = ""
    """Of ``event_epoch``: an error of ``ERRORS``, or ``kill`` or ``exit`` for the worker's process."""
    event_epoch: int = 2


def work(assignment, data):
    """A chain of hashes that begins with the dataset's manifest: one link per epoch, and the last is the output."""
    settings = assignment.config
    manifest = data / assignment.dataset / "manifest.json"
    first = hashlib.sha256(manifest.read_bytes() if manifest.exists() else b"").hexdigest()
    history = json.loads(assignment.checkpoint) if assignment.checkpoint else [first]
    try:
        yield handover(assignment, history)
        while len(history) <= settings.epochs:
            note(settings.log, assignment.identity, len(history))
            time.sleep(settings.pause)
            if settings.gate and len(history) == 2:
                until((settings.gate / assignment.identity).exists)
            if settings.event and len(history) == settings.event_epoch:
                happen(settings.event)
            history.append(hashlib.sha256(f"{assignment.identity} {history[-1]}".encode()).hexdigest())
            yield handover(assignment, history)
    except GeneratorExit:
        note(settings.log, assignment.identity, "closed")
        raise
    return history[-1]


def handover(assignment, history):
    checkpoint = json.dumps(history).encode() if len(history) > 1 or assignment.checkpoint else None
    return Handover(assignment.identity, tuple(history[1:]), assignment.config.epochs, checkpoint)


def happen(event):
    if event == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if event == "exit":
        os._exit(3)
    raise ERRORS[event](f"the {event}\n  error")


def note(log, identity, epoch):
    with log.open("a") as file:
        file.write(f"{identity} {epoch} {os.getpid()} {os.environ.get('NODE', 'here')}\n")


def lines(log):
    """Lines of the log, each as its words; one that is being written is left out."""
    return [line.split() for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]


def epochs_made(log):
    """(identity, epoch) -> how often the epoch was begun."""
    return Counter((identity, int(epoch)) for identity, epoch, *_ in lines(log) if epoch != "closed")


def processes(log):
    return {int(process) for _, _, process, _ in lines(log)}


@dataclass
class Store:
    """What a driver keeps: a checkpoint per job under way, the output of each finished one."""

    folder: Path

    def assignments(self, identities, settings, dataset="none"):
        """Those that are not finished, one at a time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for identity in identities:
            checkpoint = self.folder / f"{identity}.checkpoint"
            if not (self.folder / f"{identity}.output").exists():
                yield Assignment(identity, dataset, settings, checkpoint.read_bytes() if checkpoint.exists() else None)

    def on_handover(self, handover):
        if handover.checkpoint is not None:
            replace(self.folder / f"{handover.identity}.checkpoint", handover.checkpoint)

    def finish(self, result):
        assert result.status == "finished", result
        replace(self.folder / f"{result.identity}.output", result.output.encode())

    def outputs(self):
        return {path.stem: path.read_text() for path in sorted(self.folder.glob("*.output"))}


def replace(path, content):
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def drive(executor, store, identities, settings, dataset="none"):
    for result in executor.run(store.assignments(identities, settings, dataset), work, store.on_handover):
        store.finish(result)


def undisturbed(identities, dataset_manifest=b"", epochs=3):
    """The outputs of jobs that nothing disturbs, by the definition of :func:`work`."""
    outputs = {}
    for identity in identities:
        link = hashlib.sha256(dataset_manifest).hexdigest()
        for _ in range(epochs):
            link = hashlib.sha256(f"{identity} {link}".encode()).hexdigest()
        outputs[identity] = link
    return outputs


def until(condition, seconds=60):
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(process):
    """Whether a process runs, zombies left out."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def executor_of(jobs, address, data):
    if not address:
        return LocalExecutor(data, jobs=int(jobs))
    from ctrbench.execution.cluster import RayExecutor

    return RayExecutor(address, data, jobs=int(jobs))


if __name__ == "__main__":
    place, jobs, address, pause, gate, dataset, data, *identities = sys.argv[1:]
    with contextlib.closing(executor_of(jobs, address, Path(data))) as executor:
        settings = Settings(Path(place) / "log", pause=float(pause), gate=Path(gate) if gate else None)
        drive(executor, Store(Path(place) / "store"), identities, settings, dataset)
