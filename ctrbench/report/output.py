"""Writing a report to a file."""

import os
import tempfile
from pathlib import Path

from ctrbench.errors import CtrbenchError


def write_whole(path: Path, content: str | bytes, *, option: str = "--output") -> None:
    """Writes text as UTF-8, or bytes, whole or not at all; ``option`` is the way out that an error names.

    Raises:
        CtrbenchError: the path cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
            os.chmod(temporary, 0o644)  # noqa: PTH101 - a temporary file is private
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            Path(temporary).unlink()
            raise
    except OSError as error:
        raise CtrbenchError(f"{path}: cannot be written ({error.strerror}); pass another {option}") from None
