"""The raw files of a card, from the user or from downloads, and whether they are the right files."""

from collections.abc import Mapping
from pathlib import Path

from ctrbench.data.integrity import sha256_of
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import Card, SourceFile


def given(card: Card, source: Path) -> dict[str, Path]:
    """The user's files, by the card's names: ``source`` is their folder, or one of the files, beside the others.

    For a card with one source, the file may have any name. Where a source is missing, the card's alternative files are
    taken.

    Raises:
        CtrbenchError: a file does not exist.
    """
    if not source.exists():
        raise CtrbenchError(f"{card.name}: {source} does not exist; pass an existing file or folder by --source")
    if not (source.is_file() or source.is_dir()):
        raise CtrbenchError(f"{card.name}: {source} is neither a file nor a folder; pass one of them by --source")
    if source.is_file() and len(card.sources) == 1:
        return {card.sources[0].file: source}
    folder = source if source.is_dir() else source.parent
    files = {wanted.file: folder / wanted.file for wanted in card.sources}
    missing = [name for name, path in files.items() if not path.is_file()]
    if not missing:
        return files
    alternative = {name: folder / name for name in card.alternative_files}
    if alternative and all(path.is_file() for path in alternative.values()):
        return alternative
    wanted = " or ".join(", ".join(names) for names in (files, alternative) if names)
    raise CtrbenchError(f"{card.name}: {', '.join(missing)} not in {folder}; pass a folder with {wanted} by --source")


def checksums_of(card: Card, files: Mapping[str, Path], *, other_version: bool) -> dict[str, str]:
    """sha256 of each file; without a stated checksum every file passes, and the counts decide.

    Raises:
        CtrbenchError: a file's checksum is not on the card.
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
    """Whether the card states the checksum; true for any checksum if the card states none."""
    return source.sha256 is None or sha256 in (source.sha256, *source.alternate_checksums.values())
