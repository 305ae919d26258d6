"""The archive: the records that are committed, in few files that a person can read and git can compare.

| path below ``results/records/<card>/`` | holds |
|---|---|
| ``<backbone>-<method>.jsonl`` | one line per job, sorted by settings and seed |
| ``data.jsonl`` | facts and groups of the data, one line per pair of fingerprints |
| ``references.jsonl`` | reference rows, one line each |
| ``<backbone>-<method>.representations.parquet`` | h of some test rows, for the jobs that store it |

Records on a dataset with a changed card (``amazon-beauty@ties=apart``) share the folder of the card.

Git merges the files line by line (``merge=union`` in ``.gitattributes``). Lines that a merge leaves out of order or
twice are read as if they were in order, and put in order by :meth:`Archive.tidy`.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file
from ctrbench.names import check_name
from ctrbench.places import card_name
from ctrbench.store.lines import line_of, read_lines, write_lines
from ctrbench.store.record import DataFacts, Record, ReferenceRecord
from ctrbench.strict import Strict

if TYPE_CHECKING:
    import pyarrow as pa

DATA, REFERENCES = "data", "references"
"""Names of the files that hold no records of jobs."""
RESTORE = "restore it from git, or repeat its jobs"


@dataclass(frozen=True)
class Archive:
    """Reads and writes ``results/records``. Writers exclude each other (:meth:`ctrbench.store.store.Store.locked`)."""

    folder: Path

    def records(self, dataset: str, backbone: str, method: str) -> list[Record]:
        """The records of a dataset, backbone and method, each once; empty if the archive has none.

        Raises:
            CtrbenchError: a line is damaged, or two lines of a job disagree.
        """
        names = dataset, backbone, method
        # Names with dashes may share a file: wide + deep-x, wide-deep + x.
        return [each for each in self.read_file(self.path(*names)) if each.names == names]

    def read_file(self, path: Path) -> list[Record]:
        """The records of a file of :meth:`files`, each once and in order.

        Raises:
            CtrbenchError: a line is damaged, or two lines of a job disagree.
        """
        found: dict[str, Record] = {}
        for record in read_lines(path, Record):
            before = found.setdefault(record.identity, record)
            if before is not record:
                found[record.identity] = _one_of(before, record, path)
        return sorted(found.values(), key=self.order)

    @staticmethod
    def order(record: Record) -> tuple[str, int, str]:
        """Sorts the lines of a file: by settings, then by seed."""
        shown = record.representations, record.attention_rows
        decides = [record.dataset, record.settings, *shown, record.fingerprint]
        return json.dumps(decides, sort_keys=True), record.seed, record.identity

    def files(self) -> list[Path]:
        """The files of records, by dataset and name."""
        return sorted(path for path in self.folder.glob("*/*.jsonl") if path.stem not in (DATA, REFERENCES))

    def datasets(self) -> list[str]:
        """Names of the datasets that have facts.

        Raises:
            CtrbenchError: a line is damaged.
        """
        return sorted({facts.dataset for path in self.beside(DATA) for facts in read_lines(path, DataFacts)})

    def beside(self, name: str) -> list[Path]:
        """The files :data:`DATA` or :data:`REFERENCES` of all cards."""
        return sorted(self.folder.glob(f"*/{name}.jsonl"))

    def all_records(self) -> Iterator[Record]:
        """Every record, file by file.

        Raises:
            CtrbenchError: a line is damaged.
        """
        for path in self.files():
            yield from self.read_file(path)

    def facts(self, dataset: str) -> list[DataFacts]:
        """The facts of a dataset's data, one for each pair of fingerprints.

        Raises:
            CtrbenchError: a line is damaged, or two of the same data disagree about their groups.
        """
        return [facts for facts in _facts(self.data_path(dataset)) if facts.dataset == dataset]

    def references(self, dataset: str) -> list[ReferenceRecord]:
        """The reference rows of a dataset, each once.

        Raises:
            CtrbenchError: a line is damaged.
        """
        return [row for row in _references(self.references_path(dataset)) if row.dataset == dataset]

    def add(
        self,
        records: Iterable[Record] = (),
        facts: Iterable[DataFacts] = (),
        references: Iterable[ReferenceRecord] = (),
    ) -> None:
        """Adds to the files. Each is replaced whole, the facts first, so that no record is ever without facts.

        A record of the same identity is replaced; groups and values of the same data are merged with the stored ones.

        Raises:
            CtrbenchError: a file is damaged, or facts disagree about their groups.
            OSError: a file cannot be written.
        """
        for path, own_facts in _by(facts, lambda each: self.data_path(each.dataset)).items():
            write_lines(path, _merged_facts([*_facts(path), *own_facts]))
        for path, rows in _by(references, lambda each: self.references_path(each.dataset)).items():
            write_lines(path, merged_references([*_references(path), *rows]))
        for path, own in _by(records, lambda each: self.path(*each.names)).items():
            found = {record.identity: record for record in [*self.read_file(path), *own]}
            in_order: list[Record] = sorted(found.values(), key=self.order)
            write_lines(path, in_order)

    def tidy(self) -> list[Path]:
        """Puts the lines of every file in order, and removes duplicate lines; returns the files that it wrote.

        Raises:
            CtrbenchError: a file is damaged, or two lines of a job or of the same data disagree.
            OSError: a file cannot be written.
        """
        contents: dict[Path, list[Strict]] = {path: list(self.read_file(path)) for path in self.files()}
        contents |= {path: list(_facts(path)) for path in self.beside(DATA)}
        contents |= {path: list(_references(path)) for path in self.beside(REFERENCES)}
        changed = [path for path, documents in contents.items() if not is_tidy(path, documents)]
        for path in changed:
            write_lines(path, contents[path])
        return changed

    def remove(self, names: tuple[str, str, str], identity: str) -> None:
        """Removes a record and its representations; a file that holds nothing else is removed too.

        Raises:
            CtrbenchError: a file is damaged.
            OSError: a file cannot be written.
        """
        path = self.path(*names)
        if left := [record for record in self.read_file(path) if record.identity != identity]:
            write_lines(path, left)
        else:
            path.unlink(missing_ok=True)
        self._remove_representations(self.representations(*names), identity)

    def path(self, dataset: str, backbone: str, method: str) -> Path:
        """The file of a dataset's, backbone's and method's records.

        Raises:
            CtrbenchError: a name cannot be part of a path.
        """
        return self._card(dataset) / f"{_pair(backbone, method)}.jsonl"

    def data_path(self, dataset: str) -> Path:
        """The file of the facts of a dataset's data."""
        return self._card(dataset) / f"{DATA}.jsonl"

    def references_path(self, dataset: str) -> Path:
        """The file of a dataset's reference rows."""
        return self._card(dataset) / f"{REFERENCES}.jsonl"

    def representations(self, dataset: str, backbone: str, method: str) -> Path:
        """The file of the representations of a dataset's, backbone's and method's jobs."""
        return self._card(dataset) / f"{_pair(backbone, method)}.representations.parquet"

    def add_representations(self, record: Record, source: Path) -> None:
        """Adds the Parquet file with a job's h of some test rows to the file of the dataset, backbone and method.

        Raises:
            CtrbenchError: a file is damaged.
        """
        import pyarrow as pa  # noqa: PLC0415 - a report must not wait for it

        own = read_parquet(source, "repeat the job: ctrbench run --force")
        own = own.add_column(0, "identity", pa.array([record.identity] * len(own)).dictionary_encode())
        path = self.representations(*record.names)
        if path.exists():
            kept = _without(read_parquet(path, RESTORE), record.identity)
            own = pa.concat_tables([kept, own.cast(kept.schema)])
        _write_parquet(path, own)

    def read_representations(self, record: Record) -> "pa.Table | None":
        """``row``, ``click_length``, ``codeword`` and ``h`` of a record; None if it has no stored representations.

        Raises:
            CtrbenchError: the file is damaged.
        """
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.compute as pc  # noqa: PLC0415

        path = self.representations(*record.names)
        if not path.exists():
            return None
        table = read_parquet(path, RESTORE)
        own = table.filter(pc.equal(table["identity"].cast(pa.string()), record.identity))
        return own.drop_columns(["identity"]) if len(own) else None

    def represented(self, names: tuple[str, str, str]) -> set[str]:
        """Identities of the jobs of a dataset, backbone and method whose representations are stored.

        Raises:
            CtrbenchError: the file is damaged.
        """
        path = self.representations(*names)
        return set(read_parquet(path, RESTORE)["identity"].to_pylist()) if path.exists() else set()

    def clear(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _card(self, dataset: str) -> Path:
        return self.folder / card_name(check_name("dataset", dataset))

    @staticmethod
    def _remove_representations(path: Path, identity: str) -> None:
        if not path.exists():
            return
        before = read_parquet(path, RESTORE)
        kept = _without(before, identity)
        if not len(kept):
            path.unlink()
        elif len(kept) < len(before):
            _write_parquet(path, kept)


def is_tidy(path: Path, documents: Iterable[Strict]) -> bool:
    """Whether a file holds the lines of these documents and nothing else."""
    return path.read_text("utf-8") == "".join(f"{line_of(document)}\n" for document in documents)


def merged_references(rows: Iterable[ReferenceRecord]) -> list[ReferenceRecord]:
    """Reference rows in order, each once: values of the same row are merged, later ones win."""
    found: dict[tuple[str, ...], ReferenceRecord] = {}
    for row in rows:
        key = row.dataset, row.fingerprint, row.measuring_fingerprint, row.task, row.reference
        found[key] = found[key].merged(row) if key in found else row
    return [found[key] for key in sorted(found)]


def _facts(path: Path) -> list[DataFacts]:
    return _merged_facts(read_lines(path, DataFacts))


def _merged_facts(facts: Iterable[DataFacts]) -> list[DataFacts]:
    found: dict[tuple[str, str, str], DataFacts] = {}
    for each in facts:
        key = each.dataset, *each.key
        found[key] = found[key].merged(each) if key in found else each
    return [found[key] for key in sorted(found)]


def _references(path: Path) -> list[ReferenceRecord]:
    return merged_references(read_lines(path, ReferenceRecord))


def _one_of(first: Record, second: Record, path: Path) -> Record:
    """One of two records of a job that was run twice: they may differ only in the cost and place of the run."""
    if _results(first) != _results(second):
        raise CtrbenchError(
            f"{path}: two lines of job {first.identity[:12]} have different results; remove one of them"
        )
    return min(first, second, key=line_of)


def _results(record: Record) -> dict[str, object]:
    """A record's content, without the cost of its epochs."""
    document = record.model_dump(exclude={"timings", "environment", "weights"})
    costs = ("seconds", "cpu_seconds", "rows_per_second")
    document["epochs"] = [{key: each[key] for key in each if key not in costs} for each in document["epochs"]]
    return document


def _pair(backbone: str, method: str) -> str:
    return f"{check_name('backbone', backbone)}-{check_name('method', method)}"


K = TypeVar("K", bound=Strict)


def _by(entries: Iterable[K], place: Callable[[K], Path]) -> dict[Path, list[K]]:
    """Entries by the file that they belong to."""
    found: dict[Path, list[K]] = {}
    for entry in entries:
        found.setdefault(place(entry), []).append(entry)
    return found


def _without(table: "pa.Table", identity: str) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    return table.filter(pc.not_equal(table["identity"].cast(pa.string()), identity))


def read_parquet(path: Path, way_out: str) -> "pa.Table":
    """A Parquet file.

    Raises:
        CtrbenchError: the file cannot be read; the message ends with ``way_out``.
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
    # Bytes of equal significance are stored together, so that floats compress.
    options = {"use_dictionary": ["identity"], "use_byte_stream_split": ["h.list.element"]}
    pq.write_table(table, buffer, compression="zstd", compression_level=19, **options)
    replace_file(path, buffer.getvalue().to_pybytes())
