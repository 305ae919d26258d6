"""The prepare stage: a card and raw files become ``<data>/<name>/``, whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ctrbench.data.schema import MANIFEST, Manifest, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import guard
from ctrbench.prepare.card import Card
from ctrbench.prepare.download import fetch
from ctrbench.prepare.formats import FORMATS, Progress, Request, Simulation, card_hash, silent
from ctrbench.prepare.sources import checksums_of, given
from ctrbench.prepare.writer import replacing, write_manifest


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """The result of the stage."""

    folder: Path
    manifest: Manifest
    fresh: bool
    """False: the dataset existed already, prepared from the same card and files."""


def prepare(
    card: Card,
    data: Path,
    *,
    source: Path | None = None,
    simulation: Simulation | None = None,
    other_version: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Prepared:
    """Prepares a dataset below ``data``, unless it exists already.

    Args:
        card: card of the dataset.
        data: data folder; downloads lie in its folder ``downloads/``.
        source: the user's raw file, or a folder of raw files, instead of downloads.
        simulation: scale, seed and jobs for a synthetic card; None otherwise.
        other_version: accept counts and checksums that differ from the card's.
        force: prepare again.
        progress: called with the progress of downloads and of the simulation.

    Raises:
        CtrbenchError: anything that the user can mend; a dataset prepared before is left unchanged.
    """
    folder = data / card.name
    make = FORMATS.get(card.format)
    files = given(card, source) if source else {}
    checksums = checksums_of(card, files, other_version=other_version)
    present = _present(folder, card_hash(card, simulation), checksums)
    if present and not force and (other_version or not differing_counts(card, present)):
        return Prepared(folder=folder, manifest=_retitled(folder, present, card.title), fresh=False)
    if not source:
        files = {wanted.file: fetch(wanted, data / "downloads", progress) for wanted in card.sources}
        checksums = checksums_of(card, files, other_version=other_version)
    with replacing(folder) as temporary:
        request = Request(
            card=card, files=files, checksums=checksums, folder=temporary, simulation=simulation, progress=progress
        )
        manifest = make(request)
        guard.check_names(manifest)
        if not other_version and (differing := differing_counts(card, manifest)):
            raise CtrbenchError(
                f"{card.name}: counts differ from the card's ({differing}); get the right files or pass --other-version"
            )
        manifest = write_manifest(temporary, manifest)
    return Prepared(folder=folder, manifest=manifest, fresh=True)


def differing_counts(card: Card, manifest: Manifest) -> str:
    """Each count that differs from the card's, wanted -> found; empty if all agree or the card states none."""
    wanted = card.counts.model_dump() if card.counts else {}
    found = manifest.model_dump(include=set(wanted))
    return ", ".join(f"{key} {want:,} -> {found[key]:,}" for key, want in wanted.items() if want != found[key])


def _retitled(folder: Path, manifest: Manifest, title: str) -> Manifest:
    """The manifest with the card's present title: a changed title needs no new preparation."""
    if manifest.title == title:
        return manifest
    try:
        return write_manifest(folder, manifest.model_copy(update={"title": title}))
    except OSError as error:
        raise CtrbenchError(f"{folder}: the card's new title cannot be written ({error.strerror})") from None


def _present(folder: Path, wanted: str, checksums: Mapping[str, str]) -> Manifest | None:
    """The manifest of a dataset already prepared from this card and, if files are given, from these files."""
    if not (folder / MANIFEST).is_file():
        return None
    try:
        manifest = read_manifest(folder)
    except CtrbenchError:
        return None
    same = manifest.card_hash == wanted and checksums.items() <= manifest.sources.items()
    return manifest if same else None
