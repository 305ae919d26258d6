"""What a search leaves: ``results/found/<recipe>.toml``."""

import itertools
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.recipe import write_toml
from ctrbench.strict import Strict

if TYPE_CHECKING:
    from ctrbench.experiments.cell import Cell


class Trial(Strict):
    """One point of a search."""

    settings: dict[str, Any]
    state: Literal["complete", "given up", "failed"]
    """``given up``: after an epoch that was worse than the median of earlier trials at that epoch."""
    value: float | None = None
    """Of the objective, of a complete trial."""
    epochs: int
    """That were trained."""


class FoundSettings(Strict):
    """The best point of one dataset, backbone and method."""

    dataset: str
    backbone: str
    method: str
    settings: dict[str, Any]
    """Path -> value, as in the recipe's search space."""
    objective: str
    value: float
    """Of the objective, on the rows set aside from training, at ``settings``."""
    basis: str
    """sha256 of everything else that the search was run with; another recipe or algorithm has another."""
    fingerprint: str
    """Of the prepared data."""
    trials: tuple[Trial, ...]
    """All points, in the order in which they were drawn."""


class Found(Strict):
    """What searches found: of one recipe, or of all."""

    recipe: str = ""
    """Empty: of all."""
    found: tuple[FoundSettings, ...] = ()

    def entries(self, cell: "Cell") -> list[FoundSettings]:
        """All searches of a combination, with whatever settings and data."""
        return [
            f for f in self.found if {"dataset": f.dataset, "backbone": f.backbone, "method": f.method} == cell.names
        ]

    def of(self, cell: "Cell", basis: str, fingerprint: str | None) -> FoundSettings | None:
        """A combination's search with this basis, on these data (None: on any); None where there is none."""
        matching = (f for f in self.entries(cell) if f.basis == basis and fingerprint in (None, f.fingerprint))
        return next(matching, None)


def found_path(results: Path, recipe: str) -> Path:
    """Where the found settings of a recipe lie."""
    return results / "found" / f"{recipe}.toml"


def read_found(results: Path) -> Found:
    """What the searches of all recipes found: recipes with the same settings and space share it.

    Raises:
        CtrbenchError: a file is damaged.
    """
    folder = results / "found"
    # Not a glob, which passes over a folder that cannot be read.
    files = sorted(folder.iterdir()) if folder.exists() else []
    return Found(found=tuple(itertools.chain(*(_read(path).found for path in files if path.suffix == ".toml"))))


def _read(path: Path) -> Found:
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CtrbenchError(
            f"{path}: cannot be read ({error}); remove it and run: {places.search_command(path.stem)}"
        ) from None
    return Found.read(document, str(path))


def write_found(results: Path, found: Found) -> None:
    """Writes a recipe's found settings whole; what its file holds of other combinations, settings or data stays.

    Raises:
        CtrbenchError: the file is damaged, or the folder cannot be written.
    """
    path = found_path(results, found.recipe)
    before = _read(path).found if path.exists() else ()
    renewed = {(f.dataset, f.backbone, f.method, f.basis, f.fingerprint) for f in found.found}
    kept = tuple(f for f in before if (f.dataset, f.backbone, f.method, f.basis, f.fingerprint) not in renewed)
    document = Found(recipe=found.recipe, found=kept + found.found).model_dump(mode="json", exclude_none=True)
    write_toml(found_path(results, found.recipe), document, places.search_command(found.recipe))
