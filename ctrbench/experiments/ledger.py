"""The ledger: what runs left under ``results/``. A record is there whole or not at all.

| path | holds |
|---|---|
| ``runs/<identity>/`` | ``record.json`` and ``predictions.parquet`` of a finished run |
| ``runs/<identity>/representations.parquet`` | h of some test rows, where the run's configuration asks for them |
| ``working/<identity>/`` | checkpoint and progress of a run that is under way |
| ``working/<identity>.lock`` | held by the process that works on the run; released when the process ends |
| ``failed/<identity>.json`` | why the last attempt failed |
| ``references/`` | records of reference rows, one file per dataset, fingerprint and label |
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ctrbench.data.schema import digest
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.record import REPRESENTATIONS, ReferenceRecord, RunRecord
from ctrbench.files import replace_file
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pyarrow as pa


class Failure(Strict):
    """Why a run has no record."""

    identity: str
    config: RunConfig
    cause: str
    """One line."""
    traceback: str


class Progress(Strict):
    """How far a run that is under way has come."""

    epoch: int
    at_most: int
    seconds_per_epoch: float | None
    """Mean wall time in this attempt; None before it has ended an epoch."""
    updated: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class Ledger:
    """Reads and writes one results folder."""

    results: Path

    def require_writable(self) -> None:
        """Makes the folders.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self._writing():
            for name in ("runs", "working", "failed"):
                (self.results / name).mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self.results / name):
                    pass

    def finished(self, identity: str) -> bool:
        """Whether a run has its record."""
        return (self._run(identity) / "record.json").exists()

    def read(self, identity: str) -> RunRecord:
        """The record of a finished run.

        Raises:
            CtrbenchError: there is none, it is damaged, or its settings are not those that its identity stands for.
        """
        path = self._run(identity) / "record.json"
        way_out = f"remove {path.parent} to repeat the run"
        document = _read_json(path, way_out)
        record = RunRecord.read(document, str(path))
        # Of the settings as they stand there: later versions of the models may have more.
        own = digest([document["config"], record.fingerprint, record.algorithm_version])
        if not own == record.identity == identity:
            raise CtrbenchError(f"{path}: its settings or data are not those of run {identity[:12]}; {way_out}")
        return record

    def representations(self, identity: str) -> Path:
        """Where the representations of a finished run lie, if it was asked for any."""
        return self._run(identity) / REPRESENTATIONS

    def identities(self) -> list[str]:
        """Of all finished runs."""
        return sorted(path.parent.name for path in self.results.glob("runs/*/record.json"))

    def fingerprints(self, dataset: str) -> dict[str, float]:
        """Fingerprints of the data that finished runs of a dataset read, with the time of the newest such record.

        Raises:
            CtrbenchError: a record is damaged.
        """
        newest: dict[str, float] = {}
        for path in sorted(self.results.glob("runs/*/record.json")):
            document = _read_json(path, f"remove {path.parent} to repeat the run")
            try:
                if document["config"]["dataset"] == dataset:
                    fingerprint = document["fingerprint"]
                    newest[fingerprint] = max(newest.get(fingerprint, 0.0), path.stat().st_mtime)
            except (KeyError, TypeError):
                raise CtrbenchError(f"{path}: not a run's record; remove {path.parent} to repeat the run") from None
        return newest

    def write(self, record: RunRecord, predictions: "pa.Table") -> None:
        """Files a finished run, with the representations that its work left, and clears the rest of it.

        The caller holds the claim.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        import pyarrow.parquet as pq  # noqa: PLC0415 - listing runs must not wait for it

        with self._writing():
            finished = self.working(record.identity) / "finished"
            shutil.rmtree(finished, ignore_errors=True)
            finished.mkdir()
            pq.write_table(predictions, finished / "predictions.parquet", compression="zstd")
            (finished / "record.json").write_text(json.dumps(record.model_dump(mode="json"), indent=1) + "\n", "utf-8")
            with contextlib.suppress(FileNotFoundError):
                (finished.parent / REPRESENTATIONS).rename(finished / REPRESENTATIONS)
            target = self._run(record.identity)
            target.parent.mkdir(exist_ok=True)
            # What stands there has no record.json, or the run would have been finished.
            shutil.rmtree(target, ignore_errors=True)
            finished.rename(target)
            shutil.rmtree(finished.parent, ignore_errors=True)
            self._failure(record.identity).unlink(missing_ok=True)

    def clear(self, identity: str) -> None:
        """Forgets what a run that has no record left so far; the caller holds the claim.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self._writing():
            shutil.rmtree(self.results / "working" / identity, ignore_errors=True)

    def discard(self, identity: str) -> None:
        """Forgets a run: its record, its checkpoint, its failure. Does nothing while another process works on it.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self.claim(identity) as claimed, self._writing():
            if claimed:
                shutil.rmtree(self._run(identity), ignore_errors=True)
                self.clear(identity)
                self._failure(identity).unlink(missing_ok=True)

    @contextlib.contextmanager
    def claim(self, identity: str) -> Iterator[bool]:
        """Tries, without waiting, to become the one process that works on a run; yields whether it is.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self._writing():
            (self.results / "working").mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.results / "working" / f"{identity}.lock", blocking=False)
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

    def working(self, identity: str) -> Path:
        """The folder of a run's checkpoint.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        folder = self.results / "working" / identity
        with self._writing():
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write_progress(self, identity: str, progress: Progress) -> None:
        """Says how far a run has come.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self._writing():
            _replace(self.working(identity) / "progress.json", progress.model_dump(mode="json"))

    def progress(self, identity: str) -> Progress | None:
        """How far a run has come; None where it has not begun or is finished."""
        path = self.results / "working" / identity / "progress.json"
        with contextlib.suppress(OSError, ValueError, CtrbenchError):
            return Progress.read(json.loads(path.read_text("utf-8")), str(path))
        return None

    def mark_failed(self, failure: Failure) -> None:
        """Keeps the cause of a failed attempt.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self._writing():
            path = self._failure(failure.identity)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, failure.model_dump(mode="json"))

    def failure(self, identity: str) -> Failure | None:
        """Why a run's last attempt failed; None where it did not."""
        path = self._failure(identity)
        if not path.exists():
            return None
        return Failure.read(_read_json(path, "remove it"), str(path))

    def write_references(self, records: Sequence[ReferenceRecord]) -> None:
        """Files the reference rows of one dataset, fingerprint and label.

        Raises:
            CtrbenchError: the results folder cannot be written.
        """
        with self._writing():
            path = self._references(records[0].dataset, records[0].fingerprint, records[0].label)
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, [record.model_dump(mode="json") for record in records])

    def references(self, dataset: str, fingerprint: str, label: str) -> list[ReferenceRecord]:
        """The reference rows; empty where none were measured.

        Raises:
            CtrbenchError: the file is damaged.
        """
        path = self._references(dataset, fingerprint, label)
        return _read_references(path) if path.exists() else []

    def newest_references(self, dataset: str, label: str) -> list[ReferenceRecord]:
        """The reference rows of whichever data of a dataset were measured last; empty where none were.

        Raises:
            CtrbenchError: a file is damaged.
        """
        paths = sorted(self.results.glob(f"references/{dataset}-*-{label}.json"), key=lambda path: path.stat().st_mtime)
        found = [records for path in paths if (records := _read_references(path)) and records[0].dataset == dataset]
        return found[-1] if found else []

    def _run(self, identity: str) -> Path:
        return self.results / "runs" / identity

    def _failure(self, identity: str) -> Path:
        return self.results / "failed" / f"{identity}.json"

    def _references(self, dataset: str, fingerprint: str, label: str) -> Path:
        return self.results / "references" / f"{dataset}-{fingerprint[:12]}-{label}.json"

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            cause = error.strerror or str(error)
            message = f"results folder {self.results}: cannot be written ({cause}); pass --results FOLDER"
            raise CtrbenchError(message) from None


def _read_json(path: Path, way_out: str) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CtrbenchError(f"{path}: cannot be read ({error}); {way_out}") from None


def _read_references(path: Path) -> list[ReferenceRecord]:
    document = _read_json(path, "remove it; ctrbench run makes it again")
    if not isinstance(document, list):
        raise CtrbenchError(f"{path}: not a list of reference records; remove it; ctrbench run makes it again")
    return [ReferenceRecord.read(entry, str(path)) for entry in document]


def _replace(path: Path, document: object) -> None:
    replace_file(path, json.dumps(document, indent=1) + "\n")
