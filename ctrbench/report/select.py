"""Selects the records of a recipe's report from the archive alone. No torch, no class of a method."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ctrbench.data.schema import MANIFEST, Manifest, read_manifest
from ctrbench.errors import CtrbenchError
from ctrbench.planning.registries import REGISTRIES, Registries
from ctrbench.planning.rows import dataset_names, rows_of, world_names
from ctrbench.planning.search_basis import PluginsOf, UnsearchedError, search_of
from ctrbench.planning.settings import build_config, check_paths, parse_setting_path, setting, space_of
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import BestSettings, SearchResult, read_best_settings
from ctrbench.store.defaults import Defaults, shipped_defaults
from ctrbench.store.identity import JobConfig, Plugin
from ctrbench.store.record import DataFacts, Record, ReferenceRecord
from ctrbench.store.store import Entry, Store


@dataclass(frozen=True)
class ReportRow:
    """A finished job at its place in a table; one job may fill several rows."""

    key: RowKey
    record: Record
    facts: DataFacts


@dataclass(frozen=True)
class ReferenceRow:
    """A reference row, and the facts of its data."""

    record: ReferenceRecord
    facts: DataFacts


@dataclass(frozen=True)
class Edge:
    """A best setting at an end of its search space."""

    dataset: str
    backbone: str
    method: str
    path: str
    value: float


@dataclass(frozen=True)
class SearchFacts:
    """Summary of the searches of a table's rows."""

    trials: int
    """Number of trials in all searches."""
    finalists: int
    """Trials that ran with every seed of the search."""
    failed: int
    """Trials whose training diverged."""
    edges: tuple[Edge, ...]
    results: tuple[SearchResult, ...] = ()
    """The searches themselves, in the order of the table."""

    def edges_of(self, result: SearchResult) -> list[str]:
        """The paths of a search's best settings that lie on an edge."""
        place = tuple(result.names.values())
        return [edge.path for edge in self.edges if (edge.dataset, edge.backbone, edge.method) == place]


@dataclass(frozen=True, eq=False)
class ReportData:
    """All data that a recipe's views are made from. Compared by identity, so that derived results can be cached."""

    recipe: Recipe
    rows: tuple[ReportRow, ...] = ()
    """Finished jobs in the order of the table, then by seed."""
    references: tuple[ReferenceRow, ...] = ()
    """Reference rows on the same data as the rows."""
    facts: tuple[DataFacts, ...] = ()
    """Facts of each dataset, for views that show the data alone."""
    missing: tuple[str, ...] = ()
    """Names of the jobs without a record."""
    refused: Mapping[str, str] | None = None
    """Row -> why its method refuses it."""
    searched: SearchFacts | None = None
    """Facts of the searches; None if nothing was searched."""
    defaults: Defaults = field(default_factory=shipped_defaults)
    store: Store | None = None
    """The store, for views that read more than records, such as representations."""


def select_rows(recipe: Recipe, results: Path, data: Path, registries: Registries = REGISTRIES) -> ReportData:
    """The finished jobs of a recipe, chosen by configuration, and the reference rows of their data.

    If a dataset is prepared here, only records on these very data are used; otherwise the records on the version of the
    data for which most of the recipe's jobs are finished. If a plug-in is installed, only records of its present code
    are used; otherwise the records of the code that most of the row's records were made with.

    Raises:
        CtrbenchError: an unknown name or setting, a damaged record, only stale records, or no row has the best settings
            that it needs.
    """
    store = Store.of(results)
    names = dataset_names(recipe, data)
    keys = rows_of(recipe, names, registries.backbones, registries.methods)
    archived = {
        key: [
            entry for world in recipe.worlds_of(key.dataset) for entry in store.entries(world, key.backbone, key.method)
        ]
        for key in keys
    }
    plugins = {key: _plugins(key, archived[key], registries) for key in keys}
    configured = {key: [(entry.record.config, entry) for entry in archived[key]] for key in keys}
    defaults = known_defaults(keys, plugins, registries)
    check_paths(recipe, keys, defaults)
    manifests = {name: _manifest(data / name) for name in world_names(recipe, data)}
    plugins_of = partial(_plugins_of, plugins, registries)
    best = read_best_settings(results) if recipe.search else None
    wanted, searches, unsearched = _configs(recipe, keys, manifests, best, defaults, plugins=plugins_of)
    rows: list[ReportRow] = []
    missing: dict[str, str] = {}
    stale = 0
    fingerprints = {
        name: manifest.fingerprint
        if manifest
        else _commonest_data([(key, config) for key, config in wanted if config.dataset == name], configured)
        for name, manifest in manifests.items()
    }
    for key, config in wanted:
        manifest = manifests[config.dataset]
        matching = [entry for other, entry in configured[key] if other == config]
        current = [
            each
            for each in matching
            if each.record.fingerprint == fingerprints[config.dataset]
            and _is_current(each.record, _plugins_now(each.record, plugins[key], registries), manifest)
        ]
        if current:
            # The facts of another world go by the name of the row's dataset.
            facts = current[0].facts.model_copy(update={"dataset": key.dataset})
            rows.append(ReportRow(key, current[0].record, facts))
        else:
            # Rows may share a job, which is then missing only once.
            missing.setdefault(config.model_dump_json(), f"{key} seed {config.seed}")
            stale += len(matching)
    refused = _refused(recipe, keys, missing, manifests, registries, best=best)
    missing = {config: name for config, name in missing.items() if name.rpartition(" seed ")[0] not in refused}
    if stale and not rows:
        raise CtrbenchError(
            f"{recipe.name}: its {stale} finished job{'s are' if stale > 1 else ' is'} stale: made with other data, or "
            f"another version of the algorithm or of a plug-in; run: {recipe.command('run')}"
        )
    return ReportData(
        recipe=recipe,
        rows=tuple(rows),
        references=tuple(_references(rows, store)),
        facts=tuple({row.key.dataset: row.facts for row in reversed(rows)}.values())[::-1],
        missing=(*missing.values(), *unsearched),
        refused=refused,
        searched=_search_facts(recipe, searches, wanted, defaults),
        defaults=defaults,
        store=store,
    )


def select_data(recipe: Recipe, results: Path, data: Path) -> ReportData:
    """The facts of a recipe's datasets and their reference rows, without any jobs.

    Of a dataset that is prepared here, only facts of those very data count; of another, those of the data on which most
    stored jobs were measured.

    Raises:
        CtrbenchError: a damaged file.
    """
    store = Store.of(results)
    found, missing = [], []
    for name in dataset_names(recipe, data):
        manifest = _manifest(data / name)
        facts = store.facts(name)
        if manifest:
            facts = [each for each in facts if each.key == (manifest.fingerprint, manifest.measuring_fingerprint)]
        found += [_most_used(store, facts)] if facts else []
        if not facts:
            missing.append(name)
    return ReportData(recipe=recipe, facts=tuple(found), missing=tuple(missing), store=store)


def _most_used(store: Store, facts: Sequence[DataFacts]) -> DataFacts:
    """The facts of the data on which most stored jobs were measured."""
    if len(facts) == 1:
        return facts[0]
    records = (entry.record for entry in store.all_entries())
    counts = Counter((each.dataset, each.fingerprint, each.measuring_fingerprint) for each in records)
    return max(facts, key=lambda each: (counts[each.dataset, *each.key], each.key))


def known_defaults(
    keys: Iterable[RowKey], plugins: Mapping[RowKey, Sequence[Plugin]], registries: Registries
) -> Defaults:
    """The defaults of the golden file and of the plug-ins of some rows.

    Raises:
        CtrbenchError: a name that nobody registered and no record knows.
    """
    defaults = shipped_defaults()
    for plugin in itertools.chain(*plugins.values()):
        defaults = defaults.including(plugin.kind, plugin.name, plugin.defaults)
    for key in keys:
        for kind, name, known in (
            ("backbone", key.backbone, defaults.backbones),
            ("method", key.method, defaults.methods),
        ):
            if name not in known:
                registries.of(kind).get(name)  # type: ignore[arg-type]
                defaults = registries.defaults(defaults)
    return defaults


def _plugins(key: RowKey, entries: Sequence[Entry], registries: Registries) -> tuple[Plugin, ...]:
    """The plug-ins of a row: as installed, or, if one is not installed, as most of the row's records name them."""
    if key.backbone in registries.backbones.names() and key.method in registries.methods.names():
        return registries.plugins(key)
    own = [_divided(entry.record)[0] for entry in entries]
    known = {str(each): each for each in own}
    counts = Counter(map(str, own))
    return known[max(counts, key=lambda each: (counts[each], each))] if counts else ()


def _plugins_of(chosen: Mapping[RowKey, tuple[Plugin, ...]], registries: Registries, key: RowKey) -> tuple[Plugin, ...]:
    """The plug-ins of a row, whatever its variant; those of a base that no row of the report has are the installed
    ones."""
    same = (plugins for row, plugins in chosen.items() if row.names == key.names)
    return next(same, None) or registries.plugins(key)


def _divided(record: Record) -> tuple[tuple[Plugin, ...], tuple[Plugin, ...]]:
    """The plug-ins of a record: its backbone and method, and others that its settings name."""
    names = {("backbone", record.backbone), ("method", record.method)}
    own = tuple(each for each in record.plugins if (each.kind, each.name) in names)
    return own, tuple(each for each in record.plugins if each not in own)


def _plugins_now(record: Record, of_row: tuple[Plugin, ...], registries: Registries) -> tuple[Plugin, ...]:
    """The plug-ins of a record as the report wants them: those of its row, and of others that its settings name the
    present code, or, where one is not installed, the record's own."""
    beside = _divided(record)[1]
    absent = [each for each in beside if not registries.has_plugin(each.kind, each.name)]
    present = registries.named(record.config, of_row)
    return of_row + tuple(sorted((*present, *absent), key=lambda each: (each.kind, each.name)))


def _is_current(record: Record, plugins: tuple[Plugin, ...], manifest: Manifest | None) -> bool:
    """Whether a record was made with the present algorithm, these plug-ins, and the cohorts that its method reads."""
    if record.identity != record.config.identity(record.cohort_fingerprint or record.fingerprint, plugins):
        return False
    return not manifest or manifest.was_read(record.fingerprint, record.cohorts, record.cohort_fingerprint)


def _configs(
    recipe: Recipe,
    keys: Iterable[RowKey],
    manifests: Mapping[str, Manifest | None],
    best: BestSettings | None,
    defaults: Defaults,
    *,
    plugins: PluginsOf,
) -> tuple[list[tuple[RowKey, JobConfig]], list[SearchResult], list[str]]:
    """Every job of the recipe by row, the searches of the rows, and the names of the jobs of rows not searched yet."""
    configs: list[tuple[RowKey, JobConfig]] = []
    searches: dict[tuple[str, ...], SearchResult] = {}
    unsearched: list[str] = []
    first: UnsearchedError | None = None
    for key in keys:
        manifest, seeds = manifests[key.dataset], recipe.seeds_of(key.dataset, key.method)
        try:
            found = search_of(recipe, key, best, defaults, manifest=manifest, plugins=plugins)
        except UnsearchedError as error:
            first = first or error
            unsearched += [f"{key} seed {seed}, not searched" for seed in seeds]
        else:
            settings = found.settings if found else {}
            # Variants share their row's search.
            searches |= {tuple(key.names.values()): found} if found else {}
            configs += [(key, build_config(recipe, key, seed, settings, defaults)) for seed in seeds]
    if first and not configs:
        raise first
    return configs, list(searches.values()), unsearched


def _commonest_data(
    wanted: Sequence[tuple[RowKey, JobConfig]], configured: Mapping[RowKey, Sequence[tuple[JobConfig, Entry]]]
) -> str | None:
    """The data that most of the wanted jobs were made with; None if none of them is finished."""
    counts = Counter(
        entry.record.fingerprint for key, config in wanted for other, entry in configured[key] if other == config
    )
    return max(counts, key=lambda fingerprint: counts[fingerprint], default=None)


def _refused(
    recipe: Recipe,
    keys: Sequence[RowKey],
    missing: Mapping[str, str],
    manifests: Mapping[str, Manifest | None],
    registries: Registries,
    *,
    best: BestSettings | None,
) -> dict[str, str]:
    """Rows of missing jobs that their method refuses. Only for these rows are the classes asked, which import torch."""
    lacking = {name.rpartition(" seed ")[0] for name in missing.values()}
    backbones, methods = registries.backbones.names(), registries.methods.names()
    asked = [key for key in keys if str(key) in lacking and key.backbone in backbones and key.method in methods]
    if not asked:
        return {}
    from ctrbench.planning.plan import refusals  # noqa: PLC0415 - imports torch

    found = refusals(recipe, asked, manifests, registries, registries.defaults(), best=best)
    return {str(key): reason for key, reason in found.items()}


def _references(rows: Iterable[ReportRow], store: Store) -> list[ReferenceRow]:
    """Reference rows of the tasks and the data of finished jobs."""
    wanted: dict[str, dict[tuple[str, str, str], DataFacts]] = {}
    for row in rows:
        for metrics in row.record.tasks.values():
            place = (*row.facts.key, metrics.definition)
            wanted.setdefault(row.record.dataset, {})[place] = row.facts
    found = []
    for dataset, places in wanted.items():
        facts = {each.key: each for each in store.facts(dataset)}
        for record in store.references(dataset):
            if (record.fingerprint, record.measuring_fingerprint, record.task) in places:
                own = facts[record.fingerprint, record.measuring_fingerprint]
                found.append(ReferenceRow(record, own))
    return found


def _search_facts(
    recipe: Recipe,
    searches: Sequence[SearchResult],
    wanted: Iterable[tuple[RowKey, JobConfig]],
    defaults: Defaults,
) -> SearchFacts | None:
    """A best setting that no job of its row was run with, since every variant has another, is not an edge."""
    if not recipe.search:
        return None
    space = recipe.search.space
    searched = {key.method: space_of(recipe, key, defaults) for key, _ in wanted}
    used = {
        (*key.names.values(), path, value)
        for key, config in wanted
        for path in space
        if (place := parse_setting_path(path, key, defaults))
        and isinstance(value := setting(config, *place, defaults), int | float)
    }
    edges = [
        Edge(result.dataset, result.backbone, result.method, path, value)
        for result in searches
        for path, value in result.settings.items()
        if path in searched.get(result.method, {})
        and space[path].on_edge(value, [trial.settings.get(path) for trial in result.trials])
        and (*result.names.values(), path, value) in used
    ]
    states = Counter(trial.state for result in searches for trial in result.trials)
    finalists = sum(len(result.finalists) for result in searches)
    return SearchFacts(sum(states.values()), finalists, states["failed"], tuple(edges), tuple(searches))


def _manifest(folder: Path) -> Manifest | None:
    return read_manifest(folder) if (folder / MANIFEST).exists() else None
