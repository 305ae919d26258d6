"""The archive: the records that are committed, in few files that a person can read and git can compare.

| path below ``results/records/<dataset>/`` | holds |
|---|---|
| ``<backbone>-<method>.jsonl`` | one line per job, sorted by settings and seed |
| ``data.jsonl`` | facts and groups of the data, one line per pair of fingerprints |
| ``references.jsonl`` | reference rows, one line each |
| ``<backbone>-<method>.representations.parquet`` | h of some test rows, for the jobs that store it |

Epochs stand in columns, and what equals a default is left out. Numbers are written with the fewest digits that give the
same number back.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file
from ctrbench.store.record import DataFacts, Record, ReferenceRecord
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pyarrow as pa

DATA, REFERENCES = "data", "references"
"""Names of the files that hold no jobs."""
RESTORE = "restore it from git, or repeat its jobs"

T = TypeVar("T", bound=Strict)


@dataclass(frozen=True)
class Archive:
    """Reads and writes ``results/records``."""

    folder: Path

    def records(self, dataset: str, backbone: str, method: str) -> list[Record]:
        """The records of one file; empty where there is none.

        Raises:
            CtrbenchError: a line is damaged.
        """
        return self.read_file(self.path(dataset, backbone, method))

    def read_file(self, path: Path) -> list[Record]:
        """The records of a file of :meth:`files`.

        Raises:
            CtrbenchError: a line is damaged.
        """
        return self._read(path, Record)

    @staticmethod
    def order(record: Record) -> tuple[str, int, str]:
        """Sorts the lines of a file: by settings, then by seed."""
        settings = json.dumps([record.settings, record.representations, record.fingerprint], sort_keys=True)
        return settings, record.seed, record.identity

    def files(self) -> list[Path]:
        """The files of records, by dataset and name."""
        return sorted(path for path in self.folder.glob("*/*.jsonl") if path.stem not in (DATA, REFERENCES))

    def datasets(self) -> list[str]:
        """Names of the datasets that have facts."""
        return sorted(path.parent.name for path in self.folder.glob(f"*/{DATA}.jsonl"))

    def all_records(self) -> Iterator[Record]:
        """Every record, file by file.

        Raises:
            CtrbenchError: a line is damaged.
        """
        for path in self.files():
            yield from self._read(path, Record)

    def facts(self, dataset: str) -> list[DataFacts]:
        """The facts of a dataset's data, of each pair of fingerprints."""
        return self._read(self.folder / dataset / f"{DATA}.jsonl", DataFacts)

    def references(self, dataset: str) -> list[ReferenceRecord]:
        """The reference rows of a dataset."""
        return self._read(self.folder / dataset / f"{REFERENCES}.jsonl", ReferenceRecord)

    def add(
        self,
        records: Iterable[Record] = (),
        facts: Iterable[DataFacts] = (),
        references: Iterable[ReferenceRecord] = (),
    ) -> None:
        """Adds to the files, each of which is replaced whole; what has the same identity or key is replaced.

        Raises:
            CtrbenchError: a file is damaged or cannot be written, or facts disagree about their groups.
        """
        for dataset, own_facts in _by(facts, lambda each: (each.dataset,)).items():
            self._add_facts(dataset[0], own_facts)
        for dataset, rows in _by(references, lambda each: (each.dataset,)).items():
            known = {_reference_key(row): row for row in [*self.references(dataset[0]), *rows]}
            ordered = [known[key] for key in sorted(known)]
            self._write(self.folder / dataset[0] / f"{REFERENCES}.jsonl", map(_plain, ordered))
        for names, own in _by(records, lambda each: (each.dataset, each.backbone, each.method)).items():
            found = {record.identity: record for record in [*self.records(*names), *own]}
            self._write(self.path(*names), (record_line(each) for each in sorted(found.values(), key=self.order)))

    def remove(self, names: tuple[str, str, str], identity: str) -> None:
        """Removes a record; a file without records is removed too.

        Raises:
            CtrbenchError: the file is damaged or cannot be written.
        """
        left = [record for record in self.records(*names) if record.identity != identity]
        if left:
            self._write(self.path(*names), map(record_line, left))
        else:
            self.path(*names).unlink(missing_ok=True)

    def path(self, dataset: str, backbone: str, method: str) -> Path:
        """The file of a dataset's, backbone's and method's records."""
        return self.folder / dataset / f"{backbone}-{method}.jsonl"

    def representations(self, dataset: str, backbone: str, method: str) -> Path:
        """The file of their representations."""
        return self.folder / dataset / f"{backbone}-{method}.representations.parquet"

    def add_representations(self, record: Record, source: Path) -> None:
        """Adds h of some test rows, a Parquet file of its own, to the file of a record's dataset, backbone and method.

        Raises:
            CtrbenchError: a file is damaged.
        """
        import pyarrow as pa  # noqa: PLC0415 - a report must not wait for it
        import pyarrow.compute as pc  # noqa: PLC0415

        own = read_parquet(source, "repeat the job: ctrbench run --force")
        own = own.add_column(0, "identity", pa.array([record.identity] * len(own)).dictionary_encode())
        path = self.representations(record.dataset, record.backbone, record.method)
        if path.exists():
            before = read_parquet(path, RESTORE)
            kept = before.filter(pc.not_equal(before["identity"].cast(pa.string()), record.identity))
            own = pa.concat_tables([kept, own.cast(kept.schema)])
        _write_parquet(path, own)

    def read_representations(self, record: Record) -> "pa.Table | None":
        """``row``, ``click_length``, ``codeword`` and ``h`` of a record; None where none are stored.

        Raises:
            CtrbenchError: the file is damaged.
        """
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        path = self.representations(record.dataset, record.backbone, record.method)
        if not path.exists():
            return None
        table = read_parquet(path, RESTORE)
        own = table.filter(pc.equal(table["identity"].cast(pa.string()), record.identity))
        return own.drop_columns(["identity"]) if len(own) else None

    def clear(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _add_facts(self, dataset: str, facts: Sequence[DataFacts]) -> None:
        known = {each.key: each for each in self.facts(dataset)}
        for each in facts:
            known[each.key] = known[each.key].merged(each) if each.key in known else each
        self._write(self.folder / dataset / f"{DATA}.jsonl", (_plain(known[key]) for key in sorted(known)))

    def _read(self, path: Path, model: type[T]) -> list[T]:
        if not path.exists():
            return []
        try:
            lines = path.read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise CtrbenchError(f"{path}: cannot be read ({error}); restore the file from git") from None
        return [_parsed(line, model, f"{path}, line {number}") for number, line in enumerate(lines, 1)]

    def _write(self, path: Path, documents: Iterable[Any]) -> None:
        lines = [json.dumps(document, separators=(",", ":"), ensure_ascii=False) for document in documents]
        replace_file(path, "".join(f"{line}\n" for line in lines))


def record_line(record: Record) -> dict[str, Any]:
    """A record as its line holds it."""
    document = _plain(record)
    document["epochs"] = _columns(document["epochs"])
    return document


def parse_record(document: Any, where: str) -> Record:
    """A record from what :func:`record_line` gave.

    Raises:
        CtrbenchError: it is damaged, or its content is not what its identity stands for.
    """
    try:
        epochs = _epochs(document["epochs"])
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise CtrbenchError(f"{where}: not a record; restore the file from git, or repeat the job") from None
    record = Record.read({**document, "epochs": epochs}, where)
    if record.own_identity() != record.identity:
        raise CtrbenchError(
            f"{where}: its settings or data are not those of job {record.identity[:12]}; restore the file from git, or "
            "repeat the job"
        )
    return record


def _parsed(line: str, model: type[T], where: str) -> T:
    try:
        document = json.loads(line)
    except ValueError as error:
        raise CtrbenchError(f"{where}: not JSON ({error}); restore the file from git") from None
    if model is Record:
        return parse_record(document, where)  # type: ignore[return-value]
    return model.read(document, where)


def _plain(document: Strict) -> dict[str, Any]:
    return document.model_dump(mode="json", exclude_defaults=True)


def _columns(epochs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """List of nested dictionaries -> nested dictionary of lists; epochs are numbered from 1, so their number is left
    out."""
    first = epochs[0]
    return {
        key: _columns([epoch[key] for epoch in epochs]) if isinstance(value, dict) else [epoch[key] for epoch in epochs]
        for key, value in first.items()
        if key != "epoch"
    }


def _epochs(columns: dict[str, Any]) -> list[dict[str, Any]]:
    count = len(columns["loss"])
    return [{"epoch": place + 1, **_row(columns, place, count)} for place in range(count)]


def _row(columns: dict[str, Any], place: int, count: int) -> dict[str, Any]:
    found = {}
    for key, value in columns.items():
        if isinstance(value, dict):
            found[key] = _row(value, place, count)
        elif len(value) == count:
            found[key] = value[place]
        else:
            raise ValueError(f"{key}: {len(value)} values for {count} epochs")
    return found


def _reference_key(row: ReferenceRecord) -> tuple[str, str, str, str]:
    return row.fingerprint, row.measuring_fingerprint, row.task, row.reference


K = TypeVar("K", bound=Strict)


def _by(entries: Iterable[K], names: Any) -> dict[tuple[str, ...], list[K]]:
    found: dict[tuple[str, ...], list[K]] = {}
    for entry in entries:
        found.setdefault(names(entry), []).append(entry)
    return found


def read_parquet(path: Path, way_out: str) -> "pa.Table":
    """A Parquet file.

    Raises:
        CtrbenchError: it cannot be read; the error ends with ``way_out``.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise CtrbenchError(f"{path}: cannot be read ({error}); {way_out}") from None


def _write_parquet(path: Path, table: "pa.Table") -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    buffer = pa.BufferOutputStream()
    # Bytes of equal weight stand together, so that floats compress.
    options = {"use_dictionary": ["identity"], "use_byte_stream_split": ["h.list.element"]}
    pq.write_table(table, buffer, compression="zstd", compression_level=19, **options)
    replace_file(path, buffer.getvalue().to_pybytes())
