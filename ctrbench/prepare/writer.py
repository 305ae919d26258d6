"""Writing a prepared dataset: whole or not at all, in bounded memory."""

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ctrbench.data.integrity import sha256_of
from ctrbench.data.schema import MANIFEST, Manifest
from ctrbench.errors import CtrbenchError


class Writer:
    """Appends tables to the Parquet files of one dataset and hashes their contents on the way.

    Every table appended to one file has the same schema. Contents are hashed column by column, so the
    hash depends neither on how the rows were cut into tables nor on the Parquet encoding.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._hashes: dict[str, dict[str, hashlib._Hash]] = {}

    def append(self, file: str, table: pa.Table) -> None:
        """Appends a table without nulls to ``file`` (a name from :mod:`ctrbench.data.schema`)."""
        if file not in self._writers:
            self._writers[file] = pq.ParquetWriter(self.folder / file, table.schema, compression="zstd")
            self._hashes[file] = {
                column.name: hashlib.sha256(f"{column.name}:{column.type}".encode()) for column in table.schema
            }
        self._writers[file].write_table(table)
        for name, column_hash in self._hashes[file].items():
            column_hash.update(table[name].to_numpy().tobytes())

    def close(self) -> tuple[dict[str, str], dict[str, str]]:
        """Closes the files; returns their ``files`` and ``contents`` hashes for the manifest."""
        for writer in self._writers.values():
            writer.close()
        files = {name: sha256_of(self.folder / name) for name in self._writers}
        contents = {
            name: hashlib.sha256("".join(h.hexdigest() for h in columns.values()).encode()).hexdigest()
            for name, columns in self._hashes.items()
        }
        return files, contents


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary folder beside ``target`` that takes its place when the block ends well; otherwise nothing changes.

    Raises:
        CtrbenchError: the disk is full or cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise CtrbenchError(f"{target}: cannot be written ({error.strerror})") from None
    try:
        yield temporary
        retired = temporary.with_name(temporary.name + "-old")
        if target.exists():
            target.rename(retired)
        temporary.rename(target)
        shutil.rmtree(retired, ignore_errors=True)
    except OSError as error:
        raise CtrbenchError(f"{target}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_manifest(folder: Path, manifest: Manifest) -> Manifest:
    """Seals the manifest with its fingerprint and writes it; returns the sealed one."""
    sealed = manifest.sealed()
    text = json.dumps(sealed.model_dump(mode="json"), indent=1)
    (folder / MANIFEST).write_text(text + "\n", "utf-8")
    os.chmod(folder, 0o755)  # noqa: PTH101 - mkdtemp makes it private
    return sealed
