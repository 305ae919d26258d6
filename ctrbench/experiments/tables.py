"""What a recipe says of the table it answers to, and the records that fill the table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from ctrbench.data.schema import MANIFEST, Manifest, read_manifest
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.cell import CATALOGUE, Catalogue, Cell
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.found import FoundSettings, read_found
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import admitted, dataset_names
from ctrbench.experiments.recipe import Dimension, Recipe
from ctrbench.experiments.record import ReferenceRecord, RunRecord
from ctrbench.experiments.resolve import UnsearchedError, check_paths, found_search, locate, resolve
from ctrbench.experiments.status import aside_line, left_aside
from ctrbench.strict import Strict


@dataclass(frozen=True)
class Entry:
    """A finished run in its place of a table; one run may stand in several rows."""

    cell: Cell
    record: RunRecord


class Edge(Strict):
    """A found number where its space ends."""

    dataset: str
    backbone: str
    method: str
    path: str
    """Of the setting."""
    value: float


class SearchFacts(Strict):
    """What the searches of a table's rows came to."""

    trials: int
    """In all."""
    given_up: int
    """Of them, before their training had ended."""
    failed: int = 0
    """Of them, since their training diverged."""
    edges: tuple[Edge, ...]


class TableSpec(Strict):
    """A table: which records belong together, and which published values lie beside them."""

    name: str
    """Of the recipe."""
    title: str
    paper: str | None = None
    """Citation in one line."""
    published: str | None = None
    """A file of ``ctrbench/published`` without its ending, such as ``aqcl_table2``; None where nothing is published."""
    label: str = "click"
    """The label that was trained and measured."""
    base: str = "plain"
    """The method that the others are compared with, on the same backbone."""
    search_trials: int = Field(0, ge=0)
    """Trials of the search of settings, the same number for every method of the table."""
    searched: SearchFacts | None = None
    """None where nothing was searched."""
    refused: dict[str, str] = Field(default_factory=dict)
    """Row that makes no sense -> its method's reason."""
    not_comparable: dict[str, str] = Field(default_factory=dict)
    """Dataset -> why its rows do not answer to the published ones (private data, other protocol)."""


def find_table(
    recipe: Recipe, results: Path, data: Path, catalogue: Catalogue = CATALOGUE
) -> tuple[TableSpec, list[Entry], list[ReferenceRecord], list[str]]:
    """The table of a recipe, and the records that fill it, chosen by configuration.

    Of a dataset that is prepared here, only records of that very data count; of another, those of the data for which
    most of the recipe's runs are finished.

    Returns:
        The table, its finished runs, the records of its reference rows, and the runs that have none, in words.

    Raises:
        CtrbenchError: an unknown name or setting, a damaged record, finished runs of other data than is prepared here
            and none of this, or no row has the settings that a search must find.
    """
    ledger = Ledger(results)
    manifests = {name: _manifest(data / name) for name in dataset_names(recipe, data)}
    cells, refused = admitted(recipe, manifests, catalogue)
    check_paths(recipe, [*cells, *refused], catalogue)
    configs, searches, unsearched = _configs(recipe, cells, manifests, results, catalogue)
    label = configs[0][1].data.tasks[0] if configs else TableSpec.model_fields["label"].default
    entries: list[Entry] = []
    references: list[ReferenceRecord] = []
    missing: dict[str, str] = {}
    for name, manifest in manifests.items():
        wanted = [(cell, config) for cell, config in configs if cell.dataset == name]
        fingerprint = manifest.fingerprint if manifest else _fullest(ledger, name, [config for _, config in wanted])
        for cell, config in wanted:
            if ledger.finished(identity := config.identity(fingerprint)):
                entries.append(Entry(cell, ledger.read(identity)))
            else:
                # Rows may share a run; it is missing once.
                missing.setdefault(identity, f"{cell} seed {config.seed}")
        references += ledger.references(name, fingerprint, label)
    own = [config for _, config in configs]
    _refuse_changed_data(recipe, entries, sum(left_aside(own, m, ledger) for m in manifests.values() if m))
    facts = {
        "searched": search_facts(recipe, searches, configs, catalogue),
        "refused": {str(cell): reason for cell, reason in refused.items()},
    }
    spec = table_spec(recipe, label).model_copy(update=facts)
    return spec, entries, references, [*missing.values(), *unsearched]


def table_spec(recipe: Recipe, label: str = "click") -> TableSpec:
    """What a recipe says of its table."""
    return TableSpec(
        name=recipe.name,
        title=recipe.title,
        paper=recipe.paper,
        published=recipe.published,
        label=label,
        base=recipe.base,
        search_trials=recipe.search.trials if recipe.search else 0,
        not_comparable=recipe.not_comparable,
    )


def search_facts(
    recipe: Recipe, searches: Iterable[FoundSettings], runs: Iterable[tuple[Cell, RunConfig]], catalogue: Catalogue
) -> SearchFacts | None:
    """What the report says of the searches of a recipe's rows; None for a recipe without a search.

    A found number that no run of its row was made with, since every variant has another, is not an edge.
    """
    if not recipe.search:
        return None
    searches, space = list(searches), recipe.search.space
    used = _used(space, runs, catalogue)
    trials = [trial for search in searches for trial in search.trials]
    edges = [
        Edge(dataset=best.dataset, backbone=best.backbone, method=best.method, path=path, value=value)
        for best in searches
        for path, value in best.settings.items()
        if space[path].on_edge(value) and (best.dataset, best.backbone, best.method, path, value) in used
    ]
    states = Counter(trial.state for trial in trials)
    return SearchFacts(trials=len(trials), given_up=states["given up"], failed=states["failed"], edges=tuple(edges))


def _used(
    space: Mapping[str, Dimension], runs: Iterable[tuple[Cell, RunConfig]], catalogue: Catalogue
) -> set[tuple[object, ...]]:
    """Dataset, backbone, method, path and value of the numbers that runs were made with, of the paths of a space."""
    used: set[tuple[object, ...]] = set()
    for cell, config in runs:
        for path in space:
            place = locate(path, cell, catalogue)
            if place and isinstance(value := config.setting(*place), int | float):
                used.add((*cell.names.values(), path, value))
    return used


def find_references(recipe: Recipe, results: Path, data: Path) -> tuple[list[ReferenceRecord], list[str]]:
    """The reference rows of a recipe's datasets, and the datasets that have none; no run is looked for.

    Of a dataset that is prepared here, only records of that very data count; of another, those that were measured last.

    Raises:
        CtrbenchError: a damaged record.
    """
    ledger = Ledger(results)
    label = DataSettings.read(recipe.data, f"{recipe.name}: data").tasks[0]
    found: list[ReferenceRecord] = []
    missing = []
    for name in dataset_names(recipe, data):
        manifest = _manifest(data / name)
        own = (
            ledger.references(name, manifest.fingerprint, label) if manifest else ledger.newest_references(name, label)
        )
        found += own
        if not own:
            missing.append(name)
    return found, missing


def _manifest(folder: Path) -> Manifest | None:
    return read_manifest(folder) if (folder / MANIFEST).exists() else None


def _configs(
    recipe: Recipe,
    cells: Iterable[Cell],
    manifests: Mapping[str, Manifest | None],
    results: Path,
    catalogue: Catalogue,
) -> tuple[list[tuple[Cell, RunConfig]], list[FoundSettings], list[str]]:
    """Every run of the recipe in its row, the searches of the rows, and in words the runs of rows not searched yet.

    Raises:
        CtrbenchError: a value of another type, or every row lacks a search.
    """
    found = read_found(results)
    configs: list[tuple[Cell, RunConfig]] = []
    searches: dict[tuple[str, ...], FoundSettings] = {}
    unsearched: list[str] = []
    first: UnsearchedError | None = None
    for cell in cells:
        try:
            best = found_search(recipe, cell, found, catalogue, manifests[cell.dataset])
        except UnsearchedError as error:
            first = first or error
            unsearched += [f"{cell} seed {seed}, not searched" for seed in range(recipe.seeds)]
        else:
            settings = best.settings if best else {}
            # Variants share their row's search.
            searches |= {tuple(cell.names.values()): best} if best else {}
            configs += [(cell, resolve(recipe, cell, seed, settings, catalogue)) for seed in range(recipe.seeds)]
    if first and not configs:
        raise first
    return configs, list(searches.values()), unsearched


def _refuse_changed_data(recipe: Recipe, entries: list[Entry], aside: int) -> None:
    if aside and not entries:
        raise CtrbenchError(f"{recipe.name}: {aside_line(aside)}; make them again with ctrbench run")


def _fullest(ledger: Ledger, dataset: str, configs: list[RunConfig]) -> str:
    newest = ledger.fingerprints(dataset)

    def rank(fingerprint: str) -> tuple[int, float]:
        return sum(ledger.finished(config.identity(fingerprint)) for config in configs), newest[fingerprint]

    return max(newest, key=rank, default="")
