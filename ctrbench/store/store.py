"""One results folder: the archive that is committed, and the work folder beside it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ctrbench.errors import CtrbenchError
from ctrbench.store.archive import Archive
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

    What was read from the archive is kept: only ``ctrbench results pack`` changes it.
    """

    def __init__(self, archive: Archive, work: WorkFolder) -> None:
        self.archive = archive
        self.work = work
        self.unpacked_data = Archive(work.folder / "data")
        """Facts and reference rows that are not packed yet, in files like those of the archive."""
        self._records: dict[tuple[str, str, str], dict[str, Record]] = {}
        self._facts: dict[str, dict[tuple[str, str], DataFacts]] = {}
        self._work: dict[str, Entry] = {}

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
            CtrbenchError: it has no record, or a damaged one.
        """
        if self.work.has(identity):
            return self.read_unpacked(identity)
        if not (record := self._archived(names).get(identity)):
            raise CtrbenchError(f"{' '.join(names)}: no record of job {identity[:12]}")
        return Entry(record, self.facts_of(record))

    def entries(self, dataset: str, backbone: str, method: str) -> list[Entry]:
        """All finished jobs of a dataset, backbone and method.

        Raises:
            CtrbenchError: a record is damaged.
        """
        names = dataset, backbone, method
        found = {identity: Entry(record, self.facts_of(record)) for identity, record in self._archived(names).items()}
        for entry in map(self.read_unpacked, self.work.identities()):
            if (entry.record.dataset, entry.record.backbone, entry.record.method) == names:
                found[entry.record.identity] = entry
        return list(found.values())

    def all_entries(self) -> Iterator[Entry]:
        """All finished jobs, those of the archive first.

        Raises:
            CtrbenchError: a record is damaged.
        """
        unpacked = {identity: self.read_unpacked(identity) for identity in self.work.identities()}
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
            f"{self.archive.folder / record.dataset}: data.jsonl has no facts of data "
            f"{record.measuring_fingerprint[:12]}; restore it from git"
        )

    def facts(self, dataset: str) -> list[DataFacts]:
        """The facts of a dataset's data, in the archive and in the work folder."""
        found = dict(self._archived_facts(dataset))
        found |= {each.key: each for each in self.unpacked_data.facts(dataset)}
        for entry in map(self.read_unpacked, self.work.identities()):
            if entry.record.dataset == dataset:
                found.setdefault(entry.facts.key, entry.facts)
        return list(found.values())

    def representations(self, record: Record) -> "pa.Table | None":
        """h of some test rows of a finished job; None where none are stored.

        Raises:
            CtrbenchError: the file is damaged.
        """
        if (table := self.work.read_representations(record.identity)) is not None:
            return table
        return self.archive.read_representations(record)

    def references(self, dataset: str) -> list[ReferenceRecord]:
        """The reference rows of a dataset, in the archive and in the work folder."""
        return [*self.archive.references(dataset), *self.unpacked_data.references(dataset)]

    def write_references(self, facts: DataFacts, rows: Iterable[ReferenceRecord]) -> None:
        """Stores reference rows, and the facts of their data, in the work folder.

        Raises:
            CtrbenchError: the folder cannot be written.
        """
        try:
            self.unpacked_data.add(facts=[facts], references=rows)
        except OSError as error:
            cause = error.strerror or str(error)
            raise CtrbenchError(f"{self.work.folder}: cannot be written ({cause}); pass --results FOLDER") from None

    def discard(self, identity: str, names: tuple[str, str, str]) -> None:
        """Forgets a job, wherever its record lies. Does nothing while another driver holds it.

        Raises:
            CtrbenchError: the place cannot be written.
        """
        with self.work.claim(identity) as claimed:
            if claimed:
                self.work.discard(identity)
                if identity in self._archived(names):
                    self.archive.remove(names, identity)
                    self._records.pop(names, None)
                self._work.pop(identity, None)

    def rewrite(self, entry: Entry) -> None:
        """Replaces a record whose metrics were taken again, in the place where it lies.

        Raises:
            CtrbenchError: the place cannot be written.
        """
        record, names = entry.record, (entry.record.dataset, entry.record.backbone, entry.record.method)
        if self.work.has(record.identity):
            self.work.rewrite(record, entry.facts)
            self._work.pop(record.identity, None)
        else:
            self.archive.add([record], [entry.facts])
            self._records.pop(names, None)
            self._facts.pop(record.dataset, None)

    def read_unpacked(self, identity: str) -> Entry:
        """A finished job of the work folder.

        Raises:
            CtrbenchError: it has no record there, or a damaged one.
        """
        if identity not in self._work:
            self._work[identity] = Entry(*self.work.read(identity))
        return self._work[identity]

    def _archived(self, names: tuple[str, str, str]) -> dict[str, Record]:
        if names not in self._records:
            self._records[names] = {record.identity: record for record in self.archive.records(*names)}
        return self._records[names]

    def _archived_facts(self, dataset: str) -> dict[tuple[str, str], DataFacts]:
        if dataset not in self._facts:
            self._facts[dataset] = {facts.key: facts for facts in self.archive.facts(dataset)}
        return self._facts[dataset]
