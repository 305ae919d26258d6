"""Files that are written whole or not at all, and read with errors of one line."""

import tempfile
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from ctrbench.errors import CtrbenchError


def replace_file(path: Path, content: str | bytes) -> None:
    """Writes a file (text in UTF-8), creating its folder; a reader sees the whole old or the whole new content.

    A symbolic link stays, and its target is replaced; a device (``/dev/stdout``) is written to directly.

    Raises:
        OSError: the file cannot be written; the old content stays, and no temporary file is left behind.
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        path.write_bytes(_bytes(content))
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(_bytes(content))
            file.close()
            temporary.chmod(0o644)  # a temporary file is private
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8")


def write_file(path: Path, content: str | bytes, *, option: str) -> None:
    """Like :func:`replace_file`, for a path that the user can set by a command-line ``option``, which the error names.

    Raises:
        CtrbenchError: the path cannot be written.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        raise CtrbenchError(f"{path}: cannot be written ({error.strerror or error}); pass another {option}") from None


def read_text(path: Path) -> str:
    """A text file in UTF-8.

    Raises:
        CtrbenchError: the file cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CtrbenchError(f"{path}: cannot be read ({error})") from None


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file, with or without a byte order mark.

    Raises:
        CtrbenchError: the file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CtrbenchError(f"{path}: cannot be read as TOML ({error})") from None


def write_toml(path: Path, document: dict[str, Any], header: str, *, option: str) -> None:
    """Writes a TOML file atomically: a comment line, then the document; ``option`` as for :func:`write_file`.

    Raises:
        CtrbenchError: the file cannot be written.
    """
    write_file(path, f"# {header}\n{tomli_w.dumps(document)}", option=option)
