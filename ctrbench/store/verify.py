"""Checks the archive's files: every line, its file, its order, and what it refers to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ctrbench.errors import CtrbenchError
from ctrbench.store.archive import DATA, REFERENCES, Archive, is_tidy
from ctrbench.store.lines import read_lines
from ctrbench.store.record import DataFacts, Record, ReferenceRecord, Values
from ctrbench.strict import Strict

T = TypeVar("T", bound=Strict)

PACK = "run: ctrbench results pack"


def faults(archive: Archive) -> Iterator[CtrbenchError]:
    """Everything that is wrong with the archive's files, one error each."""
    facts: dict[tuple[str, str, str], DataFacts] = {}
    found: list[CtrbenchError] = []
    for path in archive.beside(DATA):
        for each in _documents(path, DataFacts, _facts_key, _facts_key, found):
            facts[(each.dataset, *each.key)] = each
            found += _misplaced(path, f"facts of {each.dataset}", archive.data_path(each.dataset))
    for path in archive.beside(REFERENCES):
        for row in _documents(path, ReferenceRecord, _reference_key, _reference_key, found):
            found += _misplaced(path, f"{row.reference} of {row.dataset}", archive.references_path(row.dataset))
            found += _unfit(path, f"{row.reference} of {row.dataset}", row, {row.task: row.values}, facts)
    for path in archive.files():
        records = _documents(path, Record, _record_key, Archive.order, found)
        for record in records:
            job = f"job {record.identity[:12]}"
            found += _misplaced(path, job, archive.path(*record.names))
            found += _unfit(path, job, record, {m.definition: m.values for m in record.tasks.values()}, facts)
        found += _representation_faults(archive, records)
    for path in archive.folder.glob("**/*.jsonl"):
        if path.parent.parent != archive.folder:
            found.append(CtrbenchError(f"{path}: nothing reads a file in this place; move its lines or remove it"))
    yield from found


def _documents(
    path: Path,
    model: type[T],
    key: Callable[[T], tuple[str, ...]],
    order: Callable[[T], Any],
    found: list[CtrbenchError],
) -> Sequence[T]:
    """The documents of a file; faults of the file as a whole are added to ``found``."""
    try:
        documents = read_lines(path, model)
    except CtrbenchError as error:
        found.append(error)
        return []
    if twice := len(documents) - len(set(map(key, documents))):
        lines = "1 line is" if twice == 1 else f"{twice} lines are"
        found.append(CtrbenchError(f"{path}: {lines} duplicated; {PACK}"))
    elif sorted(documents, key=order) != documents:
        found.append(CtrbenchError(f"{path}: its lines are out of order; {PACK}"))
    elif not is_tidy(path, documents):
        found.append(CtrbenchError(f"{path}: its lines are not written as this package writes them; {PACK}"))
    return documents


def _misplaced(path: Path, what: str, own: Path) -> Iterator[CtrbenchError]:
    if own != path:
        yield CtrbenchError(f"{path}: {what} belongs in {own}; move its line there")


def _unfit(
    path: Path,
    what: str,
    measured: Record | ReferenceRecord,
    tasks: Mapping[str, Values],
    facts: Mapping[tuple[str, str, str], DataFacts],
) -> Iterator[CtrbenchError]:
    """Faults for values that do not fit the groups of their data. ``tasks``: definition -> values."""
    known = facts.get((measured.dataset, measured.fingerprint, measured.measuring_fingerprint))
    if known is None:
        yield CtrbenchError(f"{path}: no facts of the data of {what} in {DATA}.jsonl; restore that file from git")
        return
    for definition, metrics in tasks.items():
        groups = known.groups.get(definition, {})
        for metric, columns in metrics.items():
            wrong = [c for c, values in columns.items() if c not in groups or len(groups[c].names) != len(values)]
            if wrong:
                yield CtrbenchError(
                    f"{path}: {what}: {definition} {metric} by {wrong[0]} does not fit the groups in {DATA}.jsonl; "
                    "restore both files from git"
                )


def _representation_faults(archive: Archive, records: Sequence[Record]) -> Iterator[CtrbenchError]:
    for names in dict.fromkeys(record.names for record in records):
        try:
            stored = archive.represented(names)
        except CtrbenchError as error:
            yield error
            continue
        own = [record for record in records if record.names == names]
        for record in own:
            if record.representations and record.identity not in stored:
                yield CtrbenchError(
                    f"{archive.representations(*names)}: nothing of job {record.identity[:12]}, which stores "
                    "representations; restore it from git, or repeat the job"
                )


def _record_key(record: Record) -> tuple[str, ...]:
    return (record.identity,)


def _facts_key(facts: DataFacts) -> tuple[str, ...]:
    return facts.dataset, *facts.key


def _reference_key(row: ReferenceRecord) -> tuple[str, ...]:
    return row.dataset, row.fingerprint, row.measuring_fingerprint, row.task, row.reference
