"""What a search leaves: ``results/found/<recipe>.toml``."""

import tomllib
from pathlib import Path
from typing import Any

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.recipe import write_toml
from ctrbench.strict import Strict


class Trial(Strict):
    """One point of a search."""

    settings: dict[str, Any]
    value: float | None = None
    """Of the objective; None where the run failed."""


class FoundSettings(Strict):
    """The best point of one dataset, backbone and method."""

    dataset: str
    backbone: str
    method: str
    settings: dict[str, Any]
    """Path -> value, as in the recipe's search space."""
    objective: str
    value: float
    """Of the objective, on validation, at ``settings``."""
    basis: str
    """sha256 of everything else that the search was run with; another recipe or algorithm has another."""
    fingerprint: str
    """Of the prepared data."""
    trials: tuple[Trial, ...]
    """All points, in the order in which they were drawn."""


class Found(Strict):
    """All searches of a recipe."""

    recipe: str
    found: tuple[FoundSettings, ...] = ()

    def best(self, dataset: str, backbone: str, method: str) -> FoundSettings | None:
        """The entry of a combination; None where it was not searched."""
        key = (dataset, backbone, method)
        return next((f for f in self.found if (f.dataset, f.backbone, f.method) == key), None)


def found_path(results: Path, recipe: str) -> Path:
    """Where the found settings of a recipe lie."""
    return results / "found" / f"{recipe}.toml"


def read_found(results: Path, recipe: str) -> Found:
    """The found settings of a recipe; empty where no search was finished.

    Raises:
        CtrbenchError: the file is damaged.
    """
    path = found_path(results, recipe)
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return Found(recipe=recipe)
    except (OSError, ValueError) as error:
        raise CtrbenchError(f"{path}: cannot be read ({error}); search again: ctrbench search {recipe}") from None
    return Found.read(document, str(path))


def write_found(results: Path, found: Found) -> None:
    """Writes the found settings whole.

    Raises:
        CtrbenchError: the folder cannot be written.
    """
    document = found.model_dump(mode="json", exclude_none=True)
    write_toml(found_path(results, found.recipe), document, f"ctrbench search {found.recipe}")
