"""What a run of a row is made with: paths of settings, the layers that decide their values, and found ones."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from ctrbench import places
from ctrbench.data.schema import Manifest, digest
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.cell import Catalogue, Cell
from ctrbench.experiments.config import ALGORITHM_VERSION, RunConfig
from ctrbench.experiments.found import Found, FoundSettings
from ctrbench.experiments.recipe import Recipe
from ctrbench.registry import Registry, unknown
from ctrbench.strict import Strict
from ctrbench.training.settings import TrainingSettings


class UnsearchedError(CtrbenchError):
    """A row needs settings that no search found."""


def models(cell: Cell, catalogue: Catalogue) -> dict[str, type[Strict]]:
    """The settings model of each section of a run."""
    return {
        "data": DataSettings,
        "training": TrainingSettings,
        "backbone": catalogue.backbones.get(cell.backbone).Settings,
        "method": catalogue.methods.get(cell.method).Settings,
    }


def locate(path: str, cell: Cell, catalogue: Catalogue) -> tuple[str, str] | None:
    """Section and key that a setting's path names in a row; None where the row has no such setting.

    A path may begin with ``datasets.NAME.``, NAME without the changes that a dataset's name may carry.
    """
    if path.startswith("datasets."):
        scope = _scope(cell)
        return locate(path.removeprefix(scope), cell, catalogue) if path.startswith(scope) else None
    section, _, key = path.partition(".")
    if section in ("backbones", "methods"):
        name, _, key = key.partition(".")
        section = section.removesuffix("s")
        if name != getattr(cell, section):
            return None
    model = models(cell, catalogue).get(section)
    return (section, key) if model and key in model.model_fields else None


def check_paths(recipe: Recipe, cells: Iterable[Cell], catalogue: Catalogue) -> None:
    """Every path of ``--set``, of datasets, variants and the search space must name a setting of some row, or by its
    name one of a method or backbone that has no row (``methods.NAME.KEY``): recipes share sections. It may be of a
    shipped dataset that has no row (``datasets.NAME.``): a command may choose among a recipe's.

    Raises:
        CtrbenchError: one does not; the nearest that does is named.
    """
    known = {path for cell in cells for path in _paths(cell, catalogue)}
    settings = [*recipe.datasets.values(), *recipe.variants.values(), recipe.overrides]
    for path in (*itertools.chain(*settings), *(recipe.search.space if recipe.search else ())):
        anywhere = _unscoped(path)
        if path not in known and anywhere not in known and not _of_component(anywhere, catalogue):
            near = {other for other in known if other.partition(".")[0] == path.partition(".")[0]} or known
            raise unknown("setting", path, near)


def _paths(cell: Cell, catalogue: Catalogue) -> Iterator[str]:
    names = {"backbone": f"backbones.{cell.backbone}", "method": f"methods.{cell.method}"}
    for section, model in models(cell, catalogue).items():
        for key in model.model_fields:
            paths = [f"{section}.{key}", *([f"{names[section]}.{key}"] if section in names else [])]
            yield from paths
            yield from (_scope(cell) + path for path in paths)


def _of_component(path: str, catalogue: Catalogue) -> bool:
    section, _, rest = path.partition(".")
    name, _, key = rest.partition(".")
    registries: dict[str, Registry[Any]] = {"methods": catalogue.methods, "backbones": catalogue.backbones}
    registry = registries.get(section)
    return registry is not None and name in registry.names() and key in registry.get(name).Settings.model_fields


def _unscoped(path: str) -> str:
    """The path without the name of a shipped dataset before it."""
    scopes = (f"datasets.{card}." for card in places.cards())
    return path.removeprefix(next(filter(path.startswith, scopes), ""))


def _scope(cell: Cell) -> str:
    return f"datasets.{places.card_name(cell.dataset)}."


def resolve(
    recipe: Recipe,
    cell: Cell,
    seed: int,
    settings: Mapping[str, Any],
    catalogue: Catalogue,
    *,
    measure: Literal["test", "tuning"] = "test",
) -> RunConfig:
    """One run: defaults, under the recipe's sections, under the dataset's settings, under those that a search found
    (``settings``: path -> value), under the variant's, under ``--set``.

    Raises:
        CtrbenchError: an unknown key or a value of another type.
    """
    sections = sections_of(recipe, cell, settings, catalogue)
    names = {"backbone": f"backbones.{cell.backbone}", "method": f"methods.{cell.method}"}
    read = {
        section: model.read(sections[section], f"{recipe.name}: {names.get(section, section)}")
        for section, model in models(cell, catalogue).items()
    }
    document = {
        "data": read["data"].model_dump(),
        "training": read["training"].model_dump(),
        "backbone_settings": read["backbone"].model_dump(mode="json"),
        "method_settings": read["method"].model_dump(mode="json"),
        "seed": seed,
        "measure": measure,
        "representations": recipe.representations if measure == "test" else 0,
    }
    return RunConfig.read({**cell.names, **document}, f"{recipe.name}: {cell}")


def sections_of(
    recipe: Recipe, cell: Cell, settings: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, dict[str, Any]]:
    """A run's settings by section, as far as they are named: the layers of :func:`resolve`, not yet validated."""
    sections = {
        "data": dict(recipe.data),
        "training": dict(recipe.training),
        "backbone": dict(recipe.backbones.get(cell.backbone, {})),
        "method": dict(recipe.methods.get(cell.method, {})),
    }
    of_dataset, of_variant = recipe.datasets.get(cell.dataset, {}), recipe.variants.get(cell.variant, {})
    layers = (of_dataset, settings, of_variant, recipe.overrides)
    for path, value in itertools.chain(*(layer.items() for layer in layers)):
        if place := locate(path, cell, catalogue):
            sections[place[0]][place[1]] = value
    return sections


def basis(recipe: Recipe, cell: Cell, catalogue: Catalogue) -> str:
    """sha256 of all that decides a row's search but the data: algorithm, settings that are not searched, space, effort.

    Raises:
        CtrbenchError: as :func:`resolve`.
    """
    if not recipe.search:
        return ""
    search = recipe.search.model_dump(mode="json")
    search["space"] = {path: space for path, space in search["space"].items() if locate(path, cell, catalogue)}
    unset = recipe.model_copy(update={"overrides": {}, "variants": {}})
    config = resolve(unset, cell, recipe.search.seed, {}, catalogue, measure="tuning")
    return digest([ALGORITHM_VERSION, config.model_dump(mode="json"), search])


def found_settings(
    recipe: Recipe, cell: Cell, found: Found | None, catalogue: Catalogue, manifest: Manifest | None
) -> dict[str, Any]:
    """The settings that the search of a row found; empty for a recipe without a search.

    Raises:
        UnsearchedError: as :func:`found_search`.
    """
    best = found_search(recipe, cell, found, catalogue, manifest)
    return best.settings if best else {}


def found_search(
    recipe: Recipe, cell: Cell, found: Found | None, catalogue: Catalogue, manifest: Manifest | None
) -> FoundSettings | None:
    """The search of a row; None for a recipe without one.

    Raises:
        UnsearchedError: the search was not made, or was made with other settings or another algorithm, or on other data
            than ``manifest``.
    """
    if not recipe.search:
        return None
    own_basis = basis(recipe, cell, catalogue)
    if found and (best := found.of(cell, own_basis, manifest.fingerprint if manifest else None)):
        return best
    entries = found.entries(cell) if found else []
    if not entries:
        cause = f"no settings were searched for {cell}"
    elif any(entry.basis == own_basis for entry in entries):
        cause = f"the settings of {cell} were found on other data"
    else:
        cause = f"the settings of {cell} were found with another recipe or another version of the algorithm"
    raise UnsearchedError(f"{recipe.name}: {cause}; run: {places.search_command(recipe.name)}")
