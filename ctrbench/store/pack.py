"""Moves finished jobs from the work folder into the archive."""

from dataclasses import dataclass

from ctrbench.store.store import Store


@dataclass(frozen=True)
class Packed:
    """What a call of :func:`pack` moved."""

    records: int
    references: int
    files: tuple[str, ...]
    """The files that were written, below the archive's folder."""


def pack(store: Store) -> Packed:
    """Moves every finished job, and the reference rows, into the archive; predictions stay in the work folder.

    The archive's files are put in order first, as after a merge of two branches. A kill between two steps loses
    nothing: a record leaves the work folder after the archive has it. A record of the same job that the archive has
    already is replaced: the work folder's is of a later run.

    Raises:
        CtrbenchError: a file is damaged or cannot be written, or two lines of a job in the archive disagree.
    """
    archive, work, waiting = store.archive, store.work, store.unpacked_data
    with store.locked():
        written = set(archive.tidy())
        entries = list(store.unpacked().values())
        facts = [each for name in waiting.datasets() for each in waiting.facts(name)]
        references = [row for name in waiting.datasets() for row in waiting.references(name)]
        archive.add([e.record for e in entries], [*facts, *(e.facts for e in entries)], references)
        for entry in entries:
            if (stored := work.representations(entry.record.identity)).exists():
                archive.add_representations(entry.record, stored)
        for entry in entries:
            work.forget_record(entry.record.identity)
        waiting.clear()
    written |= {archive.path(*e.record.names) for e in entries}
    written |= {archive.references_path(row.dataset) for row in references}
    files = sorted(path.relative_to(archive.folder).as_posix() for path in written)
    return Packed(len(entries), len(references), tuple(files))
