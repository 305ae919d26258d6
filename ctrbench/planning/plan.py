"""Recipe -> plan: the ordered list of jobs, every setting resolved and checked."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ctrbench import places
from ctrbench.data.inputs import Inputs
from ctrbench.data.schema import Manifest, read_manifest
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.measure.columns import check_columns
from ctrbench.metrics import METRICS
from ctrbench.planning.registries import REGISTRIES, Registries
from ctrbench.planning.rows import dataset_names, expanded, prepared_names, rows_of
from ctrbench.planning.search_basis import UnsearchedError, best_settings_of, frozen_of
from ctrbench.planning.settings import build_config, check_paths, full_settings
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.registry import unknown
from ctrbench.store.best_settings import BestSettings
from ctrbench.store.defaults import Defaults
from ctrbench.store.identity import ALGORITHM_VERSION, JobConfig, Plugin, same


@dataclass(frozen=True)
class Job:
    """A row key and a seed, with the configuration that follows."""

    config: JobConfig
    identity: str
    row: RowKey
    """The rows that use the job. Rows share plain's job where their variants differ in settings of a method only."""
    plugins: tuple[Plugin, ...] = ()
    algorithm_version: int = ALGORITHM_VERSION

    def __str__(self) -> str:
        return f"{self.row} seed {self.config.seed}"

    @property
    def names(self) -> tuple[str, str, str]:
        """Dataset, backbone and method: the file of its record."""
        return self.config.dataset, self.config.backbone, self.config.method


@dataclass(frozen=True)
class Plan:
    """Every job of a recipe once, done or not, and the rows that a method refuses."""

    jobs: tuple[Job, ...]
    refused: dict[RowKey, str]
    """Row -> the method's reason."""
    manifests: dict[str, Manifest]
    """Dataset -> the manifest of its prepared data."""


def make_plan(
    recipe: Recipe, *, data: Path, best: BestSettings | None = None, registries: Registries = REGISTRIES
) -> Plan:
    """Resolves a recipe. Seeds are the outer loop, so that a table under way compares equal numbers of them.

    Raises:
        CtrbenchError: an unknown name, a setting that no row has or of another type, a dataset that is not prepared, a
            label, field or column that a dataset lacks, a view of a task that no job has, a search that is missing or
            was made with other settings or data, or no row is left to run.
    """
    defaults = registries.defaults()
    manifests = with_worlds(recipe, read_manifests(recipe, data, registries, defaults), data=data)
    for name in (*recipe.metrics, *(view.metric for view in recipe.views if view.metric)):
        METRICS.get(name)
    for manifest in manifests.values():
        check_columns(manifest, recipe.columns)
    rows, refused = admitted(recipe, manifests, registries, defaults, best=best)
    if not rows:
        raise CtrbenchError(
            f"{recipe.name}: nothing to run; {'; '.join(f'{row}: {why}' for row, why in refused.items())}"
        )
    settings = {}
    for row in rows:
        manifest = manifests[row.dataset]
        settings[row] = best_settings_of(recipe, row, best, defaults, manifest=manifest, plugins=registries.plugins)
    jobs: dict[str, Job] = {}
    for dataset in manifests:
        own = [row for row in rows if row.dataset == dataset]
        for seed in range(max((len(recipe.seeds_of(dataset, row.method)) for row in own), default=0)):
            for row in own:
                if seed in recipe.seeds_of(dataset, row.method):
                    config = build_config(recipe, row, seed, settings[row], defaults)
                    job = make_job(config, row, manifests[config.dataset], registries, defaults)
                    jobs.setdefault(job.identity, job)
    _check_tasks_of_views(recipe, jobs.values(), manifests)
    return Plan(tuple(jobs.values()), refused, manifests)


def _check_tasks_of_views(recipe: Recipe, jobs: Iterable[Job], manifests: Mapping[str, Manifest]) -> None:
    tasks = (Tasks.of(job.config.data, manifests[job.config.dataset].labels, job.config.dataset) for job in jobs)
    known = dict.fromkeys(name for own in tasks for name in own.names)
    for view in recipe.views:
        if view.task and view.task not in known:
            raise CtrbenchError(f"{recipe.name}: view {view.kind}: {unknown('task', view.task, known)}")


def make_job(config: JobConfig, row: RowKey, manifest: Manifest, registries: Registries, defaults: Defaults) -> Job:
    """Checks a configuration against its dataset and the classes of its components, tuned values included.

    Raises:
        CtrbenchError: a label or field that the dataset lacks, a field named twice, the item is missing, a value of
            another type, a balance of a single task, or the method refuses.
    """
    _check_data(config, manifest)
    if reason := refusal(config, manifest, registries, defaults):
        raise CtrbenchError(f"{config.method} on {config.backbone}, {config.dataset}: {reason}")
    plugins = registries.plugins(config)
    fingerprint = training_fingerprint(config, manifest, registries, defaults)
    return Job(config, config.identity(fingerprint, plugins), row, plugins)


def training_fingerprint(config: JobConfig, manifest: Manifest, registries: Registries, defaults: Defaults) -> str:
    """The fingerprint of what a job reads while it trains: cohorts count for a method that asks for them."""
    return manifest.fingerprint_with(cohorts_of(config, registries, defaults))


def cohorts_of(config: JobConfig, registries: Registries, defaults: Defaults) -> tuple[str, ...]:
    """The cohort columns that a job's method reads while it trains."""
    method = registries.methods.get(config.method)
    settings = method.Settings.read(full_settings(config, defaults)["method"], f"methods.{config.method}")
    return tuple(method.cohorts(settings))


def refusal(config: JobConfig, manifest: Manifest | None, registries: Registries, defaults: Defaults) -> str | None:
    """Why a job's backbone or method refuses it; None if both accept it.

    ``manifest`` is None if the data are not prepared.

    Raises:
        CtrbenchError: a value of the backbone's or the method's settings is of another type.
    """
    settings = full_settings(config, defaults)
    backbone, method = registries.backbones.get(config.backbone), registries.methods.get(config.method)
    checked: dict[str, Any] = {}
    for kind, component in (("backbone", backbone), ("method", method)):
        where = f"{kind}s.{getattr(config, kind)}"
        own = settings[kind]  # type: ignore[index]
        checked[kind] = component.Settings.read(own, where)
        read = checked[kind].model_dump(mode="json")
        for key, value in config.settings.get(kind, {}).items():  # type: ignore[call-overload]
            if not same(read[key], value):
                raise CtrbenchError(f"{where}: {key} = {value!r} would be read as {read[key]!r}; write it like that")
    reason = backbone.refuses(checked["backbone"], config.data, manifest) or method.refuses(
        config.backbone, config.data, checked["method"], manifest
    )
    least = method.least_epochs(checked["method"])
    if reason is None and config.training.epochs < least:
        return f"with its settings it needs training.epochs of at least {least}, and has {config.training.epochs}"
    return reason


def _check_data(config: JobConfig, manifest: Manifest) -> None:
    tasks = Tasks.of(config.data, manifest.labels, manifest.name)
    Inputs.of(manifest, config.data.fields)
    config.training.check_balance(tasks.trained)
    _, metric = tasks.watched(config.training.watch, "training.watch")
    if metric not in METRICS.names():
        raise unknown("metric of training.watch", metric, METRICS.names())
    if METRICS.get(metric).needs_truth:
        raise CtrbenchError(f"training.watch {metric}: needs true probabilities, which no training may see")


def read_manifests(recipe: Recipe, data: Path, registries: Registries, defaults: Defaults) -> dict[str, Manifest]:
    """The manifest of each of the recipe's datasets. Misspelt names and settings are reported before missing data.

    Raises:
        CtrbenchError: an unknown backbone, method or dataset, a setting that no row has, or a dataset that is not
            prepared.
    """
    for backbone in expanded(recipe.backbones, registries.backbones):
        registries.backbones.get(backbone)
    for method in expanded(recipe.methods, registries.methods):
        registries.methods.get(method)
    names, prepared = dataset_names(recipe, data), prepared_names(data)
    known = {*prepared, *places.cards()}
    for name in names:
        if name not in prepared and places.card_name(name) not in known:
            raise unknown("dataset", name, known)
    check_paths(recipe, rows_of(recipe, names, registries.backbones, registries.methods), defaults)
    return {name: read_manifest(data / name) for name in names}


def with_worlds(recipe: Recipe, manifests: Mapping[str, Manifest], *, data: Path) -> dict[str, Manifest]:
    """The manifests of a recipe's datasets, and of all worlds on which its jobs run.

    Raises:
        CtrbenchError: a world is not prepared, is not simulated, or holds the same data as another.
    """
    if not recipe.worlds:
        return dict(manifests)
    recipe.check_worlds({name: manifest.synthetic for name, manifest in manifests.items()})
    worlds = {world: read_manifest(data / world) for name in manifests for world in recipe.worlds_of(name)}
    names: dict[str, str] = {}
    for name, manifest in worlds.items():
        if (first := names.setdefault(manifest.fingerprint, name)) != name:
            raise CtrbenchError(
                f"{recipe.name}: worlds = true: {first} and {name} hold the same data; prepare {first} "
                f"with seed 0: ctrbench prepare {first} --seed 0"
            )
    return worlds


def admitted(
    recipe: Recipe,
    manifests: Mapping[str, Manifest | None],
    registries: Registries,
    defaults: Defaults,
    *,
    best: BestSettings | None = None,
) -> tuple[list[RowKey], dict[RowKey, str]]:
    """The rows of a recipe that their methods accept, and the refused rows with the method's reason.

    ``best`` holds the results of all searches, as for :func:`refusals`.

    Raises:
        CtrbenchError: an unknown backbone or method, or a setting of another type.
    """
    datasets = recipe.datasets if recipe.worlds else manifests
    rows = rows_of(recipe, datasets, registries.backbones, registries.methods)
    refused = refusals(recipe, rows, manifests, registries, defaults, best=best)
    return [row for row in rows if row not in refused], refused


def refusals(
    recipe: Recipe,
    rows: Iterable[RowKey],
    manifests: Mapping[str, Manifest | None],
    registries: Registries,
    defaults: Defaults,
    *,
    best: BestSettings | None = None,
) -> dict[RowKey, str]:
    """Row -> why its method refuses it with the settings that it has before its own search: those of the recipe, and
    the base's from ``best`` where it keeps them and they are known."""
    found = {}
    for row in rows:
        manifest, frozen = manifests[row.dataset], {}
        with contextlib.suppress(UnsearchedError):
            frozen = frozen_of(recipe, row, best, defaults, manifest=manifest, plugins=registries.plugins)
        config = build_config(recipe, row, 0, frozen, defaults)
        if reason := refusal(config, manifest, registries, defaults):
            found[row] = reason
    return found
