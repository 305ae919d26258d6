"""Recipe -> plan: the ordered list of runs, every setting resolved."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ctrbench import places
from ctrbench.backbones import BACKBONES
from ctrbench.data.inputs import Inputs
from ctrbench.data.schema import MANIFEST, Manifest, digest, read_manifest
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import ALGORITHM_VERSION, RunConfig
from ctrbench.experiments.found import Found
from ctrbench.experiments.recipe import ALL, Recipe
from ctrbench.methods import METHODS
from ctrbench.registry import Registry, unknown
from ctrbench.strict import Strict
from ctrbench.training.settings import TrainingSettings

if TYPE_CHECKING:
    from ctrbench.backbones.base import Backbone
    from ctrbench.methods.base import Method


class UnsearchedError(CtrbenchError):
    """A row needs settings that no search found."""


@dataclass(frozen=True)
class Catalogue:
    """Where names of backbones and methods are looked up."""

    backbones: "Registry[type[Backbone]]"
    methods: "Registry[type[Method]]"


CATALOGUE = Catalogue(BACKBONES, METHODS)


@dataclass(frozen=True, order=True)
class Cell:
    """A row of a table: what all seeds have in common."""

    dataset: str
    backbone: str
    method: str
    variant: str = ""
    """Empty in a recipe without variants."""

    def __str__(self) -> str:
        return f"{self.dataset} {self.backbone} {self.method}" + (f" ({self.variant})" if self.variant else "")

    @property
    def names(self) -> dict[str, str]:
        """The row's dataset, backbone and method."""
        return {"dataset": self.dataset, "backbone": self.backbone, "method": self.method}


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
    every_row, _ = admitted(recipe, dict.fromkeys(names), catalogue)
    check_paths(recipe, every_row, catalogue)
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
    """The recipe's rows, and those that their method refuses; a dataset without a manifest is refused by none.

    Raises:
        CtrbenchError: an unknown backbone or method, or ``data.fields`` of another type.
    """
    cells, refused = [], {}
    backbones, methods = _expand(recipe.backbones, catalogue.backbones), _expand(recipe.methods, catalogue.methods)
    for names in itertools.product(manifests, recipe.variants or ("",), backbones, methods):
        dataset, variant, backbone, method = names
        cell, manifest = Cell(dataset, backbone, method, variant), manifests[dataset]
        fields = DataSettings.read(_sections(recipe, cell, {}, catalogue)["data"], f"{recipe.name}: data").fields
        if manifest and (reason := catalogue.methods.get(method).refuses(backbone, manifest, fields)):
            refused[cell] = reason
        else:
            cells.append(cell)
    return cells, refused


def _expand(names: Iterable[str], registry: Registry[Any]) -> list[str]:
    named = [name for name in names if name != ALL]
    return list(dict.fromkeys([*named, *(registry.names() if ALL in names else ())]))


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


def check_data(config: RunConfig, manifest: Manifest, catalogue: Catalogue) -> None:
    """The label and the fields of a run must be the dataset's, and its method must take them, also where found.

    Raises:
        CtrbenchError: one is unknown, a field is named twice, the item is missing, or the method refuses.
    """
    if config.data.label not in manifest.labels:
        raise CtrbenchError(f"{manifest.name}: {unknown('label', config.data.label, manifest.labels)}")
    Inputs.of(manifest, config.data.fields)
    if reason := catalogue.methods.get(config.method).refuses(config.backbone, manifest, config.data.fields):
        raise CtrbenchError(f"{config.method} on {config.backbone}, {config.dataset}: {reason}")


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
    sections = _sections(recipe, cell, settings, catalogue)
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


def _sections(
    recipe: Recipe, cell: Cell, settings: Mapping[str, Any], catalogue: Catalogue
) -> dict[str, dict[str, Any]]:
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
    """What the search of a row found; empty for a recipe without a search.

    Raises:
        UnsearchedError: the search was not made, or was made with other settings or another algorithm, or on other data
            than ``manifest``.
    """
    if not recipe.search:
        return {}
    own_basis = basis(recipe, cell, catalogue)
    if found and (best := found.of(cell, own_basis, manifest.fingerprint if manifest else None)):
        return best.settings
    entries = found.entries(cell) if found else []
    if not entries:
        cause = f"no settings were searched for {cell}"
    elif any(entry.basis == own_basis for entry in entries):
        cause = f"the settings of {cell} were found on other data"
    else:
        cause = f"the settings of {cell} were found with another recipe or another version of the algorithm"
    raise UnsearchedError(f"{recipe.name}: {cause}; run: ctrbench search {recipe.name}")
