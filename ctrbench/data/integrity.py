"""Whether a prepared dataset is still what its manifest says, and whether its rows can teach and judge a model."""

import hashlib
from pathlib import Path

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.places import prepare_command


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file's bytes.

    Raises:
        CtrbenchError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CtrbenchError(f"{path}: cannot be read ({error.strerror})") from None


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Compares the checksum of every Parquet file with the manifest.

    Raises:
        CtrbenchError: a file is missing or changed, or the manifest does not match its own fingerprints.
    """
    again = f"prepare again: {prepare_command(manifest.name)} --force"
    if manifest.sealed() != manifest:
        raise CtrbenchError(f"{folder}: the manifest was changed after it was written; {again}")
    for name, wanted in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise CtrbenchError(f"{path}: missing; {again}")
        if (found := sha256_of(path)) != wanted:
            raise CtrbenchError(f"{path}: changed (want {wanted[:8]}…, got {found[:8]}…); {again}")


def check_two_classes(dataset: str, label: str, part: str, *, rows: int, positives: int) -> None:
    """Refuses rows of one class: training learns nothing from them, and no AUC can be measured on them.

    Args:
        dataset: its name, for the error.
        label: the label.
        part: what the rows are for, such as ``validation rows`` or ``rows of the search holdout``.
        rows: number of rows.
        positives: number of rows with label 1.

    Raises:
        CtrbenchError: the part has no row, or all rows have one value of the label.
    """
    if 0 < positives < rows:
        return
    found = f"all {rows:,} have the value {int(positives > 0)}" if rows else "there are no rows"
    raise CtrbenchError(
        f"{dataset}: {part} with both values of label {label!r} are needed, but {found}; choose another split on the "
        "card, another label, or pass more data"
    )
