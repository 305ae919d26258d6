"""One results folder: the archive that is committed, and the work folder beside it."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from ctrbench.errors import CtrbenchError
from ctrbench.store.archive import Archive, merged_references
from ctrbench.store.record import DataFacts, Record, ReferenceRecord
from ctrbench.store.work import WorkFolder

if TYPE_CHECKING:
    import pyarrow as pa

ARCHIVE, WORK, SEARCHES = "records", "work", "searches"


@dataclass(frozen=True)
class Entry:
    """A record, and the facts of the data that it was measured on."""

    record: Record
    facts: DataFacts


class Store:
    """Finds records in the archive and in the work folder; new ones are written to the work folder alone.

    A file's content is cached until the file changes. Another process may pack at any time: a record leaves the work
    folder after the archive has it, so a search of both looks into the work folder first.
    """

    def __init__(self, archive: Archive, work: WorkFolder) -> None:
        self.archive = archive
        self.work = work
        self.unpacked_data = Archive(work.folder / "data")
        """Facts and reference rows that are not packed yet, in files like those of the archive."""
        self._records: dict[tuple[str, str, str], tuple[Stamp, dict[str, Record]]] = {}
        self._facts: dict[str, tuple[Stamp, dict[tuple[str, str], DataFacts]]] = {}
        self._work: dict[str, tuple[Stamp, Entry]] = {}
        self._lock = FileLock(work.folder / "archive.lock")

    @classmethod
    def of(cls, results: Path) -> "Store":
        """The store of a results folder."""
        return cls(Archive(results / ARCHIVE), WorkFolder(results / WORK))

    @classmethod
    def of_searches(cls, results: Path) -> "Store":
        """The store of the trials of searches, which are never packed."""
        folder = results / WORK / SEARCHES
        return cls(Archive(folder / ARCHIVE), WorkFolder(folder))

    def finished(self, identity: str, names: tuple[str, str, str]) -> bool:
        """Whether a job of a dataset, backbone and method has its record."""
        return self.work.has(identity) or identity in self._archived(names)

    def read(self, identity: str, names: tuple[str, str, str]) -> Entry:
        """A finished job.

        Raises:
            CtrbenchError: the job has no record, or a damaged one.
        """
        if entry := self._unpacked(identity):
            return entry
        if not (record := self._archived(names).get(identity)):
            raise CtrbenchError(f"{' '.join(names)}: no record of job {identity[:12]}")
        return Entry(record, self.facts_of(record))

    def entries(self, dataset: str, backbone: str, method: str) -> list[Entry]:
        """All finished jobs of a dataset, backbone and method.

        Raises:
            CtrbenchError: a record is damaged.
        """
        names = dataset, backbone, method
        unpacked = {identity: entry for identity, entry in self.unpacked().items() if entry.record.names == names}
        found = {identity: Entry(record, self.facts_of(record)) for identity, record in self._archived(names).items()}
        return list((found | unpacked).values())

    def all_entries(self) -> Iterator[Entry]:
        """All finished jobs, first the jobs of the archive.

        Raises:
            CtrbenchError: a record is damaged.
        """
        unpacked = self.unpacked()
        for record in self.archive.all_records():
            if record.identity not in unpacked:
                yield Entry(record, self.facts_of(record))
        yield from unpacked.values()

    def facts_of(self, record: Record) -> DataFacts:
        """The facts of an archived record's data.

        Raises:
            CtrbenchError: the archive lacks them.
        """
        if facts := self._archived_facts(record.dataset).get((record.fingerprint, record.measuring_fingerprint)):
            return facts
        raise CtrbenchError(
            f"{self.archive.data_path(record.dataset)}: no facts of data {record.measuring_fingerprint[:12]}, which "
            f"job {record.identity[:12]} was measured on; restore it from git"
        )

    def facts(self, dataset: str) -> list[DataFacts]:
        """The facts of a dataset's data, in the archive and in the work folder."""
        in_work = [entry.facts for entry in self.unpacked().values() if entry.record.dataset == dataset]
        in_work += self.unpacked_data.facts(dataset)
        found = dict(self._archived_facts(dataset))
        for each in in_work:
            found[each.key] = found[each.key].merged(each) if each.key in found else each
        return list(found.values())

    def representations(self, record: Record) -> "pa.Table | None":
        """h of some test rows of a finished job; None if the job has no stored representations.

        Raises:
            CtrbenchError: the file is damaged.
        """
        if (table := self.work.read_representations(record.identity)) is not None:
            return table
        return self.archive.read_representations(record)

    def references(self, dataset: str) -> list[ReferenceRecord]:
        """The reference rows of a dataset, in the archive and in the work folder, each once."""
        in_work = self.unpacked_data.references(dataset)
        return merged_references([*self.archive.references(dataset), *in_work])

    def write_references(self, facts: DataFacts, rows: Iterable[ReferenceRecord]) -> None:
        """Stores reference rows, and the facts of their data, in the work folder.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        with self.locked():
            self.unpacked_data.add(facts=[facts], references=rows)

    def discard(self, identity: str, names: tuple[str, str, str]) -> None:
        """Removes a job from the archive and the work folder. Does nothing while another driver holds the job.

        Raises:
            CtrbenchError: a folder cannot be written.
        """
        with self.work.claim(identity) as claimed:
            if claimed:
                with self.locked():
                    self.work.discard(identity)
                    if identity in self._archived(names):
                        self.archive.remove(names, identity)

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Replaces records whose metrics were measured again, each in the folder that holds it.

        Raises:
            CtrbenchError: a folder cannot be written.
        """
        with self.locked():
            packed = []
            for entry in entries:
                if self.work.has(entry.record.identity):
                    self.work.rewrite(entry.record, entry.facts)
                else:
                    packed.append(entry)
            self.archive.add([entry.record for entry in packed], [entry.facts for entry in packed])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from changing the archive and the jobs to pack; waits for a process that does.

        Raises:
            CtrbenchError: a folder cannot be written.
        """
        try:
            self.work.folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                yield
        except OSError as error:
            place, cause = error.filename or self.archive.folder, error.strerror or str(error)
            raise CtrbenchError(f"{place}: cannot be written ({cause}); pass --results FOLDER") from None

    def unpacked(self) -> dict[str, Entry]:
        """The finished jobs of the work folder by identity.

        Raises:
            CtrbenchError: a record is damaged.
        """
        found = {identity: self._unpacked(identity) for identity in self.work.identities()}
        return {identity: entry for identity, entry in found.items() if entry}

    def _unpacked(self, identity: str) -> Entry | None:
        """A finished job of the work folder; None if the work folder does not hold it, or no longer does."""
        stamp = _stamp(path := self.work.finished(identity))
        known = self._work.get(identity)
        if stamp is None:
            return None
        if known is None or known[0] != stamp:
            try:
                known = stamp, Entry(*self.work.read(identity))
            except CtrbenchError:
                if not path.exists():
                    return None
                raise
            self._work[identity] = known
        return known[1]

    def _archived(self, names: tuple[str, str, str]) -> dict[str, Record]:
        stamp = _stamp(self.archive.path(*names))
        if names not in self._records or self._records[names][0] != stamp:
            self._records[names] = stamp, {record.identity: record for record in self.archive.records(*names)}
        return self._records[names][1]

    def _archived_facts(self, dataset: str) -> dict[tuple[str, str], DataFacts]:
        stamp = _stamp(self.archive.data_path(dataset))
        if dataset not in self._facts or self._facts[dataset][0] != stamp:
            self._facts[dataset] = stamp, {facts.key: facts for facts in self.archive.facts(dataset)}
        return self._facts[dataset][1]


Stamp = tuple[int, int, int] | None
"""Identifies the content of a file that is only ever replaced whole; None for a file that does not exist."""


def _stamp(path: Path) -> Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
