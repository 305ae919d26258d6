"""Recipe -> plan: the ordered list of runs, every setting resolved."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctrbench import places
from ctrbench.data.inputs import Inputs
from ctrbench.data.schema import MANIFEST, Manifest, read_manifest
from ctrbench.data.settings import DataSettings
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.cell import CATALOGUE, Catalogue, Cell
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.found import Found
from ctrbench.experiments.recipe import ALL, Recipe
from ctrbench.experiments.resolve import check_paths, found_settings, resolve, sections_of
from ctrbench.registry import Registry, unknown


@dataclass(frozen=True)
class Run:
    """A planned run."""

    config: RunConfig
    identity: str
    cell: Cell
    """Its row of the table. Rows may share a run: plain's, where variants differ in settings of a method only."""


@dataclass(frozen=True)
class Plan:
    """Every run of a recipe once, done or not, and the pairs that make no sense."""

    runs: tuple[Run, ...]
    refused: dict[Cell, str]
    """Row -> the method's reason."""
    manifests: dict[str, Manifest]
    """Of each dataset, as prepared here."""


def make_plan(recipe: Recipe, *, data: Path, found: Found | None = None, catalogue: Catalogue = CATALOGUE) -> Plan:
    """Resolves a recipe: seeds go side by side, so that a table under way compares equal numbers of them.

    Raises:
        CtrbenchError: an unknown name, a setting that no row has or of another type, a dataset that was not prepared,
            a label or field that a dataset lacks, a search that was not made or was made with other settings or data,
            or no row is left to run.
    """
    manifests = read_manifests(recipe, data, catalogue)
    cells, refused = admitted(recipe, manifests, catalogue)
    if not cells:
        raise CtrbenchError(f"{recipe.name}: nothing to run; {'; '.join(f'{c}: {r}' for c, r in refused.items())}")
    settings = {cell: found_settings(recipe, cell, found, catalogue, manifests[cell.dataset]) for cell in cells}
    runs: dict[str, Run] = {}
    for dataset, manifest in manifests.items():
        for seed in range(recipe.seeds):
            for cell in cells:
                if cell.dataset == dataset:
                    config = resolve(recipe, cell, seed, settings[cell], catalogue)
                    check_data(config, manifest, catalogue)
                    identity = config.identity(manifest.fingerprint)
                    runs.setdefault(identity, Run(config, identity, cell))
    return Plan(tuple(runs.values()), refused, manifests)


def read_manifests(recipe: Recipe, data: Path, catalogue: Catalogue) -> dict[str, Manifest]:
    """The manifest of each of the recipe's datasets; misspelt names and settings come before missing data.

    Raises:
        CtrbenchError: an unknown backbone, method or dataset, a setting that no row has, or a dataset that was not
            prepared.
    """
    for backbone in _expand(recipe.backbones, catalogue.backbones):
        catalogue.backbones.get(backbone)
    for method in _expand(recipe.methods, catalogue.methods):
        catalogue.methods.get(method)
    names, prepared = dataset_names(recipe, data), prepared_names(data)
    known = {*prepared, *places.cards()}
    for name in names:
        if name not in prepared and places.card_name(name) not in known:
            raise unknown("dataset", name, known)
    cells, refused = admitted(recipe, dict.fromkeys(names), catalogue)
    check_paths(recipe, [*cells, *refused], catalogue)
    return {name: read_manifest(data / name) for name in names}


def dataset_names(recipe: Recipe, data: Path) -> list[str]:
    """The recipe's datasets; ``all`` stands for those prepared in ``data``.

    Raises:
        CtrbenchError: ``all``, and none is prepared.
    """
    if ALL not in recipe.datasets:
        return list(dict.fromkeys(recipe.datasets))
    if prepared := prepared_names(data):
        return list(dict.fromkeys([*(name for name in recipe.datasets if name != ALL), *prepared]))
    raise CtrbenchError(f"{data}: no dataset is prepared here; run: ctrbench prepare amazon-beauty")


def prepared_names(data: Path) -> list[str]:
    """Datasets with a manifest in the data folder."""
    return sorted(path.parent.name for path in data.glob(f"*/{MANIFEST}"))


def admitted(
    recipe: Recipe, manifests: Mapping[str, Manifest | None], catalogue: Catalogue
) -> tuple[list[Cell], dict[Cell, str]]:
    """The recipe's rows, and those that their method refuses, which a manifest tells more of.

    Raises:
        CtrbenchError: an unknown backbone or method, or ``data.fields`` of another type.
    """
    cells, refused = [], {}
    backbones, methods = _expand(recipe.backbones, catalogue.backbones), _expand(recipe.methods, catalogue.methods)
    for names in itertools.product(manifests, recipe.variants or ("",), backbones, methods):
        dataset, variant, backbone, method = names
        cell, manifest = Cell(dataset, backbone, method, variant), manifests[dataset]
        sections, chosen = sections_of(recipe, cell, {}, catalogue), catalogue.methods.get(method)
        own = DataSettings.read(sections["data"], f"{recipe.name}: data")
        settings = chosen.Settings.read(sections["method"], f"{recipe.name}: methods.{method}")
        if reason := chosen.refuses(backbone, own, settings, manifest):
            refused[cell] = reason
        else:
            cells.append(cell)
    return cells, refused


def _expand(names: Iterable[str], registry: Registry[Any]) -> list[str]:
    named = [name for name in names if name != ALL]
    return list(dict.fromkeys([*named, *(registry.names() if ALL in names else ())]))


def check_data(config: RunConfig, manifest: Manifest, catalogue: Catalogue) -> None:
    """The label and the fields of a run must be the dataset's, and its method must take them, also where found.

    Raises:
        CtrbenchError: one is unknown, a field is named twice, the item is missing, or the method refuses.
    """
    Tasks.of(config.data, manifest.labels, manifest.name)
    Inputs.of(manifest, config.data.fields)
    method = catalogue.methods.get(config.method)
    settings = method.Settings.read(config.method_settings, f"methods.{config.method}")
    if reason := method.refuses(config.backbone, config.data, settings, manifest):
        raise CtrbenchError(f"{config.method} on {config.backbone}, {config.dataset}: {reason}")
