"""Source formats: each turns raw files, or a simulation, into the files and manifest of a prepared dataset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ctrbench.data.schema import Manifest, digest
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import Card
from ctrbench.registry import Registry

Progress = Callable[[str, int, int | None], None]
"""Called as ``progress(what, done, total)``; the total is None if it is unknown."""


def silent(what: str, done: int, total: int | None) -> None:
    """A :data:`Progress` that shows nothing."""


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What simulated data depend on besides their card."""

    scale: float = 1.0
    """Share of the full size."""
    seed: int = 0
    jobs: int = 1
    """Number of processes; no effect on the data."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a format gets to prepare a dataset."""

    card: Card
    files: Mapping[str, Path]
    """Name of each source file on the card -> its path."""
    checksums: Mapping[str, str]
    """Name of each source file -> its sha256."""
    folder: Path
    """An empty folder to write into; it becomes the dataset when the format returns."""
    simulation: Simulation | None = None
    """Given for simulated data only."""
    progress: Progress = silent

    def only_file(self) -> Path:
        """The path of the file, for a format that reads one file.

        Raises:
            CtrbenchError: the card names no source file or several.
        """
        if len(self.card.sources) != 1:
            raise CtrbenchError(f"{self.card.name}: format {self.card.format} reads one file; name one in [[sources]]")
        return self.files[self.card.sources[0].file]

    def card_hash(self) -> str:
        """The manifest's ``card_hash``: card and simulation, whatever the number of jobs."""
        return card_hash(self.card, self.simulation)


def card_hash(card: Card, simulation: Simulation | None) -> str:
    """sha256 of what decides the prepared data besides the raw files."""
    if simulation is None:
        return card.digest()
    return digest([card.digest(), simulation.scale, simulation.seed])


Format = Callable[[Request], Manifest]
"""Writes the Parquet files into ``request.folder`` and returns the manifest, not yet sealed or written.

A format with a raw table reads it into :class:`ctrbench.prepare.raw.Raw` and ends in
:func:`ctrbench.prepare.assemble.assemble`, the common path; a simulator writes its files itself.
A log that is too large for memory ends in :func:`ctrbench.prepare.impressions.assemble`.
"""

FORMATS: Registry[Format] = Registry(
    "format",
    {
        "amazon-reviews": "ctrbench.prepare.amazon:prepare",
        "ta-feng": "ctrbench.prepare.ta_feng:prepare",
        "complete-journey": "ctrbench.prepare.complete_journey:prepare",
        "recbole": "ctrbench.prepare.recbole:prepare",
        "table": "ctrbench.prepare.table:prepare",
        "aliexpress": "ctrbench.prepare.aliexpress:prepare",
        "ali-ccp": "ctrbench.prepare.ali_ccp:prepare",
        "oncold-sim": "ctrbench.prepare.oncold:prepare",
    },
)
