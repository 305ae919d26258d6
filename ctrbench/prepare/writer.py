"""Writing a prepared dataset: whole or not at all, in bounded memory."""

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from ctrbench.data.integrity import sha256_of
from ctrbench.data.schema import MANIFEST, Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file

NEW, RETIRED, LOCK = "new", "retired", "lock"
"""Contents of a working folder: the dataset being written, the dataset that it replaces, and the process's lock."""


class Writer:
    """Appends tables to the Parquet files of one dataset and hashes their contents on the way.

    Every table appended to one file has the same schema. Contents are hashed column by column, so a hash depends
    neither on how the rows were cut into tables nor on the Parquet encoding.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._hashes: dict[str, dict[str, hashlib._Hash]] = {}

    def append(self, file: str, table: pa.Table) -> None:
        """Appends a table without nulls to ``file`` (a name from :mod:`ctrbench.data.schema`)."""
        if file not in self._writers:
            self._writers[file] = pq.ParquetWriter(self.folder / file, table.schema, compression="zstd")
            self._hashes[file] = {column.name: hashlib.sha256(f"{column.type}:".encode()) for column in table.schema}
        self._writers[file].write_table(table)
        for name, column_hash in self._hashes[file].items():
            column_hash.update(table[name].to_numpy().tobytes())

    def close(self) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        """Closes the files; returns their ``files`` and ``contents`` hashes for the manifest."""
        for writer in self._writers.values():
            writer.close()
        files = {name: sha256_of(self.folder / name) for name in self._writers}
        contents = {
            file: {name: column_hash.hexdigest() for name, column_hash in columns.items()}
            for file, columns in self._hashes.items()
        }
        return files, contents


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A new folder that replaces ``target`` if the block ends without an error; otherwise nothing changes.

    A process killed meanwhile leaves its working folder beside ``target``; the next process puts the old dataset in it
    back, if ``target`` is missing, and removes the working folder. Folders of running processes are left alone.

    Raises:
        CtrbenchError: the disk is full or cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _clear_abandoned(target)
        with _working_folder(target) as working:
            (working / NEW).mkdir()
            yield working / NEW
            if target.exists():
                target.rename(working / RETIRED)
            (working / NEW).rename(target)
    except OSError as error:
        raise CtrbenchError(f"{target}: cannot be written ({error.strerror or error})") from None


@contextlib.contextmanager
def _working_folder(target: Path) -> Iterator[Path]:
    working = Path(tempfile.mkdtemp(prefix=_prefix(target), dir=target.parent))
    with FileLock(working / LOCK):
        try:
            yield working
        finally:
            _clear(working, target)


def _prefix(target: Path) -> str:
    # No dataset's name has a tilde, so "beauty" never removes the folders of "beauty-hashed".
    return f".{target.name}~"


def _clear_abandoned(target: Path) -> None:
    for working in target.parent.glob(f"{_prefix(target)}*"):
        # The system releases the lock of a process that ends, however it ends.
        with contextlib.suppress(Timeout), FileLock(working / LOCK, blocking=False):
            _clear(working, target)


def _clear(working: Path, target: Path) -> None:
    if (working / RETIRED).exists() and not target.exists():
        (working / RETIRED).rename(target)
    shutil.rmtree(working, ignore_errors=True)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Seals the manifest with its fingerprints and writes it; returns the sealed manifest."""
    sealed = manifest.sealed()
    text = json.dumps(sealed.model_dump(mode="json"), indent=1)
    replace_file(folder / MANIFEST, text + "\n")
    return sealed
