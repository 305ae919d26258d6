"""The archive: the records that are committed, in few files that a person can read and git can compare.

| path below ``results/records/<card>/`` | holds |
|---|---|
| ``<backbone>-<method>.jsonl`` | one line per job, sorted by settings and seed |
| ``data.jsonl`` | facts and groups of the data, one line per pair of fingerprints |
| ``references.jsonl`` | reference rows, one line each |
| ``<backbone>-<method>.representations.parquet`` | h of some test rows, for the jobs that store it |

A dataset with a changed card (``amazon-beauty@ties=apart``) lies in the folder of its card, beside the others.
Epochs stand in columns, and what equals a default is left out. Numbers are written with the fewest digits that give the
same number back.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file
from ctrbench.places import card_name
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
        """The records of a dataset, backbone and method; empty where there are none.

        Raises:
            CtrbenchError: a line is damaged.
        """
        return [each for each in self.read_file(self.path(dataset, backbone, method)) if each.dataset == dataset]

    def read_file(self, path: Path) -> list[Record]:
        """The records of a file of :meth:`files`.

        Raises:
            CtrbenchError: a line is damaged.
        """
        return self._read(path, Record)

    @staticmethod
    def order(record: Record) -> tuple[str, int, str]:
        """Sorts the lines of a file: by settings, then by seed."""
        decides = [record.dataset, record.settings, record.representations, record.fingerprint]
        return json.dumps(decides, sort_keys=True), record.seed, record.identity

    def files(self) -> list[Path]:
        """The files of records, by dataset and name."""
        return sorted(path for path in self.folder.glob("*/*.jsonl") if path.stem not in (DATA, REFERENCES))

    def datasets(self) -> list[str]:
        """Names of the datasets that have facts."""
        files = sorted(self.folder.glob(f"*/{DATA}.jsonl"))
        return sorted({facts.dataset for path in files for facts in self._read(path, DataFacts)})

    def all_records(self) -> Iterator[Record]:
        """Every record, file by file.

        Raises:
            CtrbenchError: a line is damaged.
        """
        for path in self.files():
            yield from self._read(path, Record)

    def facts(self, dataset: str) -> list[DataFacts]:
        """The facts of a dataset's data, of each pair of fingerprints."""
        return [facts for facts in self._read(self._beside(dataset, DATA), DataFacts) if facts.dataset == dataset]

    def references(self, dataset: str) -> list[ReferenceRecord]:
        """The reference rows of a dataset."""
        return [row for row in self._read(self._beside(dataset, REFERENCES), ReferenceRecord) if row.dataset == dataset]

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
        for path, own_facts in _by(facts, lambda each: self._beside(each.dataset, DATA)).items():
            known = {(each.dataset, *each.key): each for each in self._read(path, DataFacts)}
            for each in own_facts:
                place = (each.dataset, *each.key)
                known[place] = known[place].merged(each) if place in known else each
            self._write(path, (_plain(known[place]) for place in sorted(known)))
        for path, rows in _by(references, lambda each: self._beside(each.dataset, REFERENCES)).items():
            stored = {_reference_key(row): row for row in [*self._read(path, ReferenceRecord), *rows]}
            self._write(path, (_plain(stored[key]) for key in sorted(stored)))
        for path, own in _by(records, lambda each: self.path(each.dataset, each.backbone, each.method)).items():
            found = {record.identity: record for record in [*self.read_file(path), *own]}
            self._write(path, map(record_line, sorted(found.values(), key=self.order)))

    def remove(self, names: tuple[str, str, str], identity: str) -> None:
        """Removes a record; a file without records is removed too.

        Raises:
            CtrbenchError: the file is damaged or cannot be written.
        """
        path = self.path(*names)
        if left := [record for record in self.read_file(path) if record.identity != identity]:
            self._write(path, map(record_line, left))
        else:
            path.unlink(missing_ok=True)

    def path(self, dataset: str, backbone: str, method: str) -> Path:
        """The file of a dataset's, backbone's and method's records."""
        return self.folder / card_name(dataset) / f"{backbone}-{method}.jsonl"

    def representations(self, dataset: str, backbone: str, method: str) -> Path:
        """The file of their representations."""
        return self.folder / card_name(dataset) / f"{backbone}-{method}.representations.parquet"

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

    def _beside(self, dataset: str, name: str) -> Path:
        return self.folder / card_name(dataset) / f"{name}.jsonl"

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


def _reference_key(row: ReferenceRecord) -> tuple[str, ...]:
    return row.dataset, row.fingerprint, row.measuring_fingerprint, row.task, row.reference


K = TypeVar("K", bound=Strict)


def _by(entries: Iterable[K], place: Callable[[K], Path]) -> dict[Path, list[K]]:
    """Entries by the file that they belong to."""
    found: dict[Path, list[K]] = {}
    for entry in entries:
        found.setdefault(place(entry), []).append(entry)
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
