"""Downloads with mirrors, resume, checksum and progress; files out of Python packages are one kind of mirror.

pooch writes a file whole or not at all and checks it. This module adds what pooch lacks: resuming a partial file (RFC
9110, sections 13.1.5 and 14: ``If-Range`` makes sure that the rest belongs to the part).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests

from ctrbench.data.schema import digest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import SourceFile
from ctrbench.prepare.formats import Progress, silent
from ctrbench.prepare.wheel import SCHEME, FromWheel

ATTEMPTS = 3
"""Connections to one address before the next address is tried; each resumes where the connection before was cut."""
TIMEOUT = 20.0
"""Seconds without a byte before a connection counts as cut."""
CHUNK = 1 << 16
"""Bytes written at a time, and so the most that a cut connection loses."""


def fetch(source: SourceFile, folder: Path, progress: Progress = silent) -> Path:
    """The source's file below ``folder``, downloaded from the first address that serves it, unless it exists already.

    A partial file is kept for the next call.

    Raises:
        CtrbenchError: no address served the file, or the file's checksum differs from the card's.
    """
    target = folder / source.file
    if target.is_file():
        return target
    failures = []
    pooch.get_logger().setLevel("ERROR")
    for address in source.addresses:
        try:
            return Path(
                pooch.retrieve(
                    address,
                    known_hash=source.sha256 and f"sha256:{source.sha256}",
                    fname=source.file,
                    path=folder,
                    downloader=_downloader(address)(source.file, folder, progress),
                )
            )
        except (OSError, ValueError) as error:
            failures.append(f"{urlsplit(address).netloc or urlsplit(address).path}: {_reason(error, source)}")
    reasons = "; ".join(failures) or "the card has no address for it"
    raise CtrbenchError(f"{source.file}: not downloaded ({reasons}); get it by hand and pass it by --source")


def _downloader(address: str) -> "type[Resuming | FromWheel]":
    return FromWheel if urlsplit(address).scheme == SCHEME else Resuming


@dataclass(frozen=True)
class Resuming:
    """A pooch downloader that keeps the part of a cut download and resumes it, at once or at the next call."""

    name: str
    """Name of the file, for the progress."""
    folder: Path
    """Folder of partial files."""
    progress: Progress = silent

    def __call__(self, url: str, output_file: str, _pooch: Any, check_only: bool = False) -> None:  # noqa: ARG002
        """Writes what ``url`` serves to ``output_file``.

        Raises:
            OSError: (requests' errors among them) the address does not answer, refuses, or cuts every connection.
        """
        # A part belongs to its address: mirrors may serve different bytes under one name.
        part = self.folder / f".{self.name}.{digest(url)[:8]}.part"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._continue(url, part)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if attempt == ATTEMPTS or not part.exists():
                    raise
        part.replace(output_file)
        _validator(part).unlink(missing_ok=True)

    def _continue(self, url: str, part: Path) -> None:
        """Completes the part, or starts over if the server has another version or does not support ranges."""
        validator = _validator(part)
        have = part.stat().st_size if part.exists() and validator.exists() else 0
        # With a compressed transfer, offsets would refer to another stream of bytes.
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": validator.read_text("utf-8")}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                self._continue(url, part)
                return
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                have = 0
            _remember(response, validator)
            length = response.headers.get("Content-Length")
            total = have + int(length) if length else None
            with part.open("ab" if have else "wb") as file:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    self.progress(self.name, file.tell(), total)


def _validator(part: Path) -> Path:
    """The file that holds the server's validator (ETag or date) of the version that a part belongs to."""
    return part.with_suffix(".version")


def _remember(response: requests.Response, validator: Path) -> None:
    mark = response.headers.get("ETag", "")
    mark = response.headers.get("Last-Modified", "") if mark.startswith("W/") or not mark else mark
    if mark:
        validator.write_text(mark, "utf-8")
    else:
        validator.unlink(missing_ok=True)


def _reason(error: Exception, source: SourceFile) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"status {error.response.status_code}"
    if isinstance(error, requests.Timeout):
        return "no answer"
    if isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
        return "connection refused or cut"
    if isinstance(error, OSError):
        return str(error)
    return f"checksum differs, want {source.sha256}"
