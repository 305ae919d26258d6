"""Where the raw files of a card come from: the user's own, or downloads; and whether they are the right ones."""

from collections.abc import Mapping
from pathlib import Path

from ctrbench.data.integrity import sha256_of
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import Card, SourceFile


def given(card: Card, source: Path) -> dict[str, Path]:
    """The user's own files: in a folder by the card's names; a file, the others of the card beside it.

    A card with one source takes a file of any name.

    Raises:
        CtrbenchError: a file is not there.
    """
    if not source.exists():
        raise CtrbenchError(f"{card.name}: {source} is not there; pass an existing file or folder by --source")
    if not (source.is_file() or source.is_dir()):
        raise CtrbenchError(f"{card.name}: {source} is neither a file nor a folder; pass one of them by --source")
    if source.is_file() and len(card.sources) == 1:
        return {card.sources[0].file: source}
    folder = source if source.is_dir() else source.parent
    files = {wanted.file: folder / wanted.file for wanted in card.sources}
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        raise CtrbenchError(
            f"{card.name}: {', '.join(missing)} not in {folder}; pass a folder with {', '.join(files)} by --source"
        )
    return files


def checksums_of(card: Card, files: Mapping[str, Path], *, other_version: bool) -> dict[str, str]:
    """sha256 of each file; without a stated checksum every file passes, and the counts decide.

    Raises:
        CtrbenchError: a file is none of those that the card states.
    """
    found = {name: sha256_of(path) for name, path in files.items()}
    for source in card.sources:
        if source.file in found and not other_version and not is_known(source, found[source.file]):
            raise CtrbenchError(
                f"{card.name}: checksum of {files[source.file]} differs (want {source.sha256}, got "
                f"{found[source.file]}); delete it and get it again, or pass --other-version"
            )
    return found


def is_known(source: SourceFile, sha256: str) -> bool:
    """Whether the checksum is one of those stated; any is where none is stated."""
    return source.sha256 is None or sha256 in (source.sha256, *source.alternate_checksums.values())
