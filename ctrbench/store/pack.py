"""Moves finished jobs from the work folder into the archive, and checks the archive."""

from collections.abc import Iterator
from dataclasses import dataclass

from filelock import FileLock

from ctrbench.errors import CtrbenchError
from ctrbench.store.archive import Archive
from ctrbench.store.record import Record
from ctrbench.store.store import Store


@dataclass(frozen=True)
class Packed:
    """What a call moved."""

    records: int
    references: int
    files: tuple[str, ...]
    """Of records, below the archive's folder."""


def pack(store: Store) -> Packed:
    """Moves every finished job, and the reference rows, into the archive; predictions stay in the work folder.

    A kill between two steps loses nothing: a record leaves the work folder after the archive has it.

    Raises:
        CtrbenchError: a file is damaged or cannot be written.
    """
    archive, work = store.archive, store.work
    work.require_writable()
    with FileLock(work.folder / "pack.lock"):
        entries = [store.read_unpacked(identity) for identity in work.identities()]
        references = [row for name in store.unpacked_data.datasets() for row in store.unpacked_data.references(name)]
        facts = [each for name in store.unpacked_data.datasets() for each in store.unpacked_data.facts(name)]
        try:
            archive.add([e.record for e in entries], [*facts, *(e.facts for e in entries)], references)
            for entry in entries:
                if (stored := work.representations(entry.record.identity)).exists():
                    archive.add_representations(entry.record, stored)
        except OSError as error:
            raise CtrbenchError(f"{archive.folder}: cannot be written ({error.strerror}); pass --results") from None
        for entry in entries:
            work.forget_record(entry.record.identity)
        store.unpacked_data.clear()
    names = {(e.record.dataset, e.record.backbone, e.record.method) for e in entries}
    files = sorted(str(archive.path(*name).relative_to(archive.folder)) for name in names)
    return Packed(len(entries), len(references), tuple(files))


def faults(archive: Archive) -> Iterator[CtrbenchError]:
    """Everything that is wrong with the archive's files, one error each."""
    for path in archive.files():
        try:
            records = archive.read_file(path)
        except CtrbenchError as error:
            yield error
            continue
        yield from _faults_of_file(archive, records, str(path))
    for name in archive.datasets():
        try:
            archive.references(name)
        except CtrbenchError as error:
            yield error


def _faults_of_file(archive: Archive, records: list[Record], path: str) -> Iterator[CtrbenchError]:
    seen: set[str] = set()
    try:
        facts = {
            (name, *each.key): each
            for name in {record.dataset for record in records}
            for each in archive.facts(name)
        }
    except CtrbenchError as error:
        yield error
        return
    for record in records:
        own = archive.path(record.dataset, record.backbone, record.method)
        if str(own) != path:
            yield CtrbenchError(f"{path}: job {record.identity[:12]} belongs in {own}; move its line there")
        if record.identity in seen:
            yield CtrbenchError(f"{path}: job {record.identity[:12]} stands twice; remove one of the lines")
        seen.add(record.identity)
        known = facts.get((record.dataset, record.fingerprint, record.measuring_fingerprint))
        if known is None:
            yield CtrbenchError(f"{path}: no facts of the data of job {record.identity[:12]} in data.jsonl; restore it")
            continue
        for task, metrics in record.tasks.items():
            for metric, columns in metrics.values.items():
                groups = known.groups.get(metrics.definition, {})
                wrong = [c for c, values in columns.items() if c not in groups or len(groups[c].names) != len(values)]
                if wrong:
                    yield CtrbenchError(
                        f"{path}: job {record.identity[:12]}: {task} {metric} by {wrong[0]} does not fit the groups in "
                        "data.jsonl; restore both files"
                    )
    if [record.identity for record in sorted(records, key=Archive.order)] != [r.identity for r in records]:
        yield CtrbenchError(f"{path}: its lines are out of order; run: ctrbench results pack")
