"""Sends prepared data to nodes: the driver holds references to the files, a node the files themselves.

| path on a node | holds |
|---|---|
| ``<cache>/<fingerprint>/<dataset>/`` | the dataset, whole and verified |
| ``<cache>/<fingerprint>.lock`` | held by the process that writes the dataset |

The fingerprint is the sha256 of ``manifest.json``, which names the checksum of every file: datasets of one fingerprint
are equal byte for byte, and a dataset that was prepared again gets a folder beside the earlier one.
"""

import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from ctrbench.data.integrity import verify_files
from ctrbench.data.schema import MANIFEST, read_manifest
from ctrbench.errors import CtrbenchError

Bytes = NDArray[np.uint8]


def cache_folder() -> Path:
    """Where this node keeps datasets: ``CTRBENCH_CACHE``, else the user's folder among the temporary files."""
    if folder := os.environ.get("CTRBENCH_CACHE"):
        return Path(folder)
    user = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    return Path(tempfile.gettempdir()) / f"ctrbench{user}"


@dataclass(frozen=True)
class DataShipment:
    """References to a prepared dataset's files in the cluster's object store; small and picklable."""

    dataset: str
    manifest: bytes
    files: dict[str, Any]
    """File name -> reference to its bytes."""

    @classmethod
    def pack(cls, folder: Path, put: Callable[[Bytes], Any]) -> "DataShipment":
        """Puts the files of a prepared dataset into the store, one at a time.

        Args:
            folder: folder of the dataset.
            put: stores bytes, and returns a reference to them.

        Raises:
            CtrbenchError: the dataset is not prepared, or a file changed since.
        """
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        for name in manifest.files:
            if Path(name).name != name:
                raise CtrbenchError(f"{folder / MANIFEST}: {name!r} is not a file name; prepare the dataset again")
        files = {name: put(np.fromfile(folder / name, np.uint8)) for name in manifest.files}
        return cls(folder.name, (folder / MANIFEST).read_bytes(), files)

    @property
    def fingerprint(self) -> str:
        """sha256 of the manifest."""
        return hashlib.sha256(self.manifest).hexdigest()

    def unpack(self, cache: Path, get: Callable[[Any], Bytes]) -> Path:
        """The folder on this node that holds the dataset; fetches the files unless the folder holds an intact copy.

        Raises:
            CtrbenchError: the cache cannot be written, or a file changed in transit.
        """
        home = cache / self.fingerprint
        try:
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{home}.lock"):
                if not self._is_intact(home / self.dataset):
                    self._write(home / self.dataset, get)
        except OSError as error:
            raise CtrbenchError(
                f"node {socket.gethostname()}: {cache}: cannot be written ({error.strerror}); "
                "set CTRBENCH_CACHE on the node to another folder"
            ) from None
        return home

    def _is_intact(self, folder: Path) -> bool:
        """Whether the folder holds all files: a clean-up of temporary files may have removed some."""
        try:
            if (folder / MANIFEST).read_bytes() != self.manifest:
                return False
            verify_files(folder, read_manifest(folder))
        except (FileNotFoundError, CtrbenchError):
            return False
        return True

    def _write(self, folder: Path, get: Callable[[Any], Bytes]) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            arriving = Path(temporary) / self.dataset
            arriving.mkdir()
            (arriving / MANIFEST).write_bytes(self.manifest)
            for name, reference in self.files.items():
                get(reference).tofile(arriving / name)
            verify_files(arriving, read_manifest(arriving))
            arriving.rename(folder)
