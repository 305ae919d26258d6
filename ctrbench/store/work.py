"""The work folder: jobs under way, and finished jobs that are not packed into the archive yet. Git ignores it.

| path below ``results/work/`` | holds |
|---|---|
| ``jobs/<identity>/`` | checkpoint and progress of a job under way |
| ``locks/<identity>.lock`` | held by the driver that works on the job; released when the process ends |
| ``finished/<identity>.json`` | record and facts of a finished job |
| ``predictions/<identity>.parquet`` | predictions of a finished job; they stay after the record is packed |
| ``representations/<identity>.parquet`` | h of some test rows, where the job stores it |
| ``failed/<identity>.json`` | why the last attempt failed |

Only the driver writes to this folder. A file is written whole or not at all.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file
from ctrbench.store.archive import read_parquet
from ctrbench.store.identity import JobConfig
from ctrbench.store.lines import parse_record, plain
from ctrbench.store.record import DataFacts, Record
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pyarrow as pa

CHECKPOINT, PROGRESS = "checkpoint.safetensors", "progress.json"


class Failure(Strict):
    """Why a job has no record."""

    identity: str
    config: JobConfig
    cause: str
    """The cause, one line."""
    traceback: str


class Progress(Strict):
    """How far a job under way has come."""

    epoch: int
    """Number of looks so far: with one look per epoch, of epochs."""
    at_most: int
    """Looks."""
    seconds_per_epoch: float | None
    """Mean wall time of a look in this attempt; None before the first has ended."""
    updated: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class WorkFolder:
    """Reads and writes ``results/work``."""

    folder: Path

    def require_writable(self) -> None:
        """Makes the folders.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            for name in ("jobs", "locks", "finished", "failed"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.folder / name):
                    pass

    def identities(self) -> list[str]:
        """The identities of the finished jobs that are not packed."""
        return sorted(path.stem for path in (self.folder / "finished").glob("*.json"))

    def has(self, identity: str) -> bool:
        """Whether a job is finished and not packed."""
        return self.finished(identity).exists()

    def read(self, identity: str) -> tuple[Record, DataFacts]:
        """Record and facts of a finished job.

        Raises:
            CtrbenchError: the job has no record, or a damaged one.
        """
        path = self.finished(identity)
        document = _read_json(path, "remove it to repeat the job")
        if not isinstance(document, dict) or document.keys() != {"record", "facts"}:
            raise CtrbenchError(f"{path}: not the record of a job; remove it to repeat the job")
        record = parse_record(document["record"], str(path))
        if record.identity != identity:
            raise CtrbenchError(f"{path}: holds job {record.identity[:12]} instead; remove the file to repeat the job")
        return record, DataFacts.read(document["facts"], str(path))

    def write(
        self, record: Record, facts: DataFacts, predictions: "pa.Table", representations: "pa.Table | None"
    ) -> None:
        """Stores a finished job and clears its checkpoint; the caller holds the claim.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            _replace_table(self.predictions(record.identity), predictions)
            if representations is not None:
                _replace_table(self.representations(record.identity), representations)
            self.rewrite(record, facts)
            shutil.rmtree(self.folder / "jobs" / record.identity, ignore_errors=True)
            self._failure(record.identity).unlink(missing_ok=True)

    def rewrite(self, record: Record, facts: DataFacts) -> None:
        """Replaces the record and the facts of a finished job.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        document = {"record": plain(record), "facts": plain(facts)}
        with self._writing():
            _replace_json(self.finished(record.identity), document)

    def forget_record(self, identity: str) -> None:
        """Removes a packed job's record and representations; its predictions stay.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            self.representations(identity).unlink(missing_ok=True)
            self.finished(identity).unlink(missing_ok=True)

    def finished(self, identity: str) -> Path:
        """The file of a finished job's record until it is packed."""
        return self.folder / "finished" / f"{identity}.json"

    def predictions(self, identity: str) -> Path:
        """The file of a finished job's predictions, if this folder has them."""
        return self.folder / "predictions" / f"{identity}.parquet"

    def representations(self, identity: str) -> Path:
        """The file of a finished job's representations, if it stores any."""
        return self.folder / "representations" / f"{identity}.parquet"

    def read_representations(self, identity: str) -> "pa.Table | None":
        """h of some test rows of a finished job; None if this folder has none.

        Raises:
            CtrbenchError: the file is damaged.
        """
        path = self.representations(identity)
        return read_parquet(path, "repeat the job: ctrbench run --force") if path.exists() else None

    def read_predictions(self, identity: str) -> "pa.Table | None":
        """``row`` and the probability of each trained task; None if this folder does not have the predictions.

        Raises:
            CtrbenchError: the file is damaged.
        """
        path = self.predictions(identity)
        return read_parquet(path, "repeat the job: ctrbench run --force") if path.exists() else None

    def discard(self, identity: str) -> None:
        """Removes a job's record, checkpoint, predictions and failure; the caller holds the claim.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            for path in (self.finished(identity), self.predictions(identity), self.representations(identity)):
                path.unlink(missing_ok=True)
            self._failure(identity).unlink(missing_ok=True)
            self.clear(identity)

    def clear(self, identity: str) -> None:
        """Removes the checkpoint of a job; the caller holds the claim.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            shutil.rmtree(self.folder / "jobs" / identity, ignore_errors=True)

    @contextlib.contextmanager
    def claim(self, identity: str) -> Iterator[bool]:
        """Tries, without waiting, to become the one driver of a job; yields whether it is.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            (self.folder / "locks").mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / "locks" / f"{identity}.lock", blocking=False)
            try:
                lock.acquire()
            except Timeout:
                claimed = False
            else:
                claimed = True
        try:
            yield claimed
        finally:
            lock.release()

    def checkpoint(self, identity: str) -> bytes | None:
        """The last checkpoint of a job; None if it has none."""
        with contextlib.suppress(OSError):
            return (self.folder / "jobs" / identity / CHECKPOINT).read_bytes()
        return None

    def write_checkpoint(self, identity: str, content: bytes) -> None:
        """Replaces the checkpoint of a job.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            replace_file(self.folder / "jobs" / identity / CHECKPOINT, content)

    def write_progress(self, identity: str, progress: Progress) -> None:
        """Stores how far a job has come.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            _replace_json(self.folder / "jobs" / identity / PROGRESS, progress.model_dump(mode="json"))

    def progress(self, identity: str) -> Progress | None:
        """How far a job has come; None if it has not begun or is finished."""
        path = self.folder / "jobs" / identity / PROGRESS
        with contextlib.suppress(OSError, ValueError, CtrbenchError):
            return Progress.read(json.loads(path.read_text("utf-8")), str(path))
        return None

    def mark_failed(self, failure: Failure) -> None:
        """Stores the cause of a failed attempt.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self._writing():
            _replace_json(self._failure(failure.identity), failure.model_dump(mode="json"))

    def failure(self, identity: str) -> Failure | None:
        """Why a job's last attempt failed; None if it did not fail."""
        path = self._failure(identity)
        return Failure.read(_read_json(path, "remove it"), str(path)) if path.exists() else None

    def _failure(self, identity: str) -> Path:
        return self.folder / "failed" / f"{identity}.json"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            cause = error.strerror or str(error)
            message = f"results folder {self.folder}: cannot be written ({cause}); pass --results FOLDER"
            raise CtrbenchError(message) from None


def _read_json(path: Path, way_out: str) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CtrbenchError(f"{path}: cannot be read ({error}); {way_out}") from None


def _replace_json(path: Path, document: object) -> None:
    replace_file(path, json.dumps(document, ensure_ascii=False) + "\n")


def _replace_table(path: Path, table: "pa.Table") -> None:
    import pyarrow as pa  # noqa: PLC0415 - a report must not wait for it
    import pyarrow.parquet as pq  # noqa: PLC0415

    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, compression="zstd")
    replace_file(path, buffer.getvalue().to_pybytes())
