"""Search of settings on rows held out from training (AQCL eq. 7), with the same number of trials for every method."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import Outcome, RunContext, drive, failure_line
from ctrbench.planning.plan import Job, admitted, cohorts_of, make_job, read_manifests
from ctrbench.planning.registries import REGISTRIES, Registries
from ctrbench.planning.search_basis import basis
from ctrbench.planning.settings import build_config, check_paths, parse_setting_path
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.recipe.space import Search
from ctrbench.store.best_settings import BestSettings, SearchResult
from ctrbench.store.store import Store
from ctrbench.tuning.objective import Objective
from ctrbench.tuning.study import Study

SHORT = 16
"""Characters of a digest in the name of a study."""


@dataclass(frozen=True)
class OpenSearch:
    """The search of one dataset, backbone and method."""

    row: RowKey
    manifest: Manifest
    cohorts: tuple[str, ...]
    """Those that the method of some trial reads while it trains."""
    basis: str
    study: Study


def search(
    recipe: Recipe,
    context: RunContext,
    *,
    data: Path,
    known: BestSettings = BestSettings(),
    registries: Registries = REGISTRIES,
    on_outcome: Callable[[Outcome], None] | None = None,
    on_round: Callable[[Sequence[Job], Sequence[RowKey]], None] | None = None,
) -> tuple[BestSettings, list[RowKey]]:
    """Searches every row of a recipe that is not ``known``; nothing outside the training split is read.

    The trials' records lie in ``context.store``, apart from other jobs; their values in Optuna's journal beside it.
    ``on_round`` gets the jobs of each round before they begin, and the rows of the jobs that come after the round.

    Returns:
        The best settings of every row, earlier searches included, and the rows that have none because all of their
        trials diverged.

    Raises:
        CtrbenchError: the recipe has no search, a name or setting is unknown, another process searches this recipe, or
            a trial failed without diverging: the next search tries it again.
    """
    if not (settings := recipe.search):
        raise CtrbenchError(f"{recipe.name}: it has no [search]; run: {recipe.command('run')}")
    recipe = recipe.model_copy(update={"overrides": {}, "variants": {}})
    settled: dict[RowKey, SearchResult] = {}
    unsettled = []
    for searched in open_searches(recipe, settings, context, data, registries):
        if best := known.of(searched.row, searched.basis, searched.manifest):
            settled[searched.row] = best
        else:
            unsettled.append(searched)
    with _alone(recipe, context.store):
        while rounds := [(s, points) for s in unsettled if (points := s.study.open_round())]:
            _round(recipe, rounds, context, registries, on_outcome=on_outcome, on_round=on_round)
    settled |= {searched.row: best for searched in unsettled if (best := _best(searched, settings))}
    hopeless = [searched.row for searched in unsettled if searched.row not in settled]
    return BestSettings(recipe=recipe.name, results=tuple(settled[row] for row in sorted(settled))), hopeless


Rounds = Sequence[tuple[OpenSearch, dict[int, dict[str, object]]]]


def _round(
    recipe: Recipe,
    rounds: Rounds,
    context: RunContext,
    registries: Registries,
    *,
    on_outcome: Callable[[Outcome], None] | None,
    on_round: Callable[[Sequence[Job], Sequence[RowKey]], None] | None,
) -> None:
    """Runs the trials of one round of every search, and reports their outcomes to the studies."""
    assert recipe.search
    jobs = {
        (searched.row, number): _job(recipe, searched, point, context, registries)
        for searched, points in rounds
        for number, point in points.items()
    }
    # Two trials may propose one point: it is run once.
    distinct = list({job.identity: job for job in jobs.values()}.values())
    if on_round:
        on_round(distinct, _later(rounds))
    callbacks = {
        (job := jobs[searched.row, number]).identity: searched.study.follower(number, job.config.training.looks)
        for searched, points in rounds
        for number in points
    }
    outcomes = drive(distinct, context, on_outcome=on_outcome, callbacks=callbacks)
    _tell(rounds, jobs, outcomes, context.store)
    if broken := failure_line([outcome for outcome in outcomes if not outcome.diverged]):
        raise CtrbenchError(broken)


def open_searches(
    recipe: Recipe, settings: Search, context: RunContext, data: Path, registries: Registries
) -> list[OpenSearch]:
    """The searches of a recipe: one for each row that its method does not refuse.

    Raises:
        CtrbenchError: a name or setting is unknown, a dataset is not prepared or lacks a label or field, or the space
            has a value that its setting cannot take.
    """
    defaults = context.defaults
    manifests = read_manifests(recipe, data, registries, defaults)
    rows, _ = admitted(recipe, manifests, registries, defaults)
    check_paths(recipe, rows, defaults)
    searches = []
    for row in rows:
        manifest = manifests[row.dataset]
        space = {path: d for path, d in settings.space.items() if parse_setting_path(path, row, defaults)}
        read: set[str] = set()
        for point in ({}, *({path: value} for path, dimension in space.items() for value in dimension.probes())):
            config = build_config(recipe, row, settings.seed, point, defaults, judged_on="search_holdout")
            make_job(config, row, manifest, registries, defaults)
            read.update(cohorts_of(config, registries, defaults))
        objective = Objective.of(settings.objective, config, manifest)
        own_basis = basis(recipe, row, defaults, registries.plugins(row))
        name = f"{row} {own_basis[:SHORT]} {manifest.fingerprint_with(read)[:SHORT]}"
        journal = context.store.work.folder / f"{recipe.name}.journal"
        study = Study(journal, name, space, settings, objective)
        searches.append(OpenSearch(row, manifest, tuple(sorted(read)), own_basis, study))
    return searches


@contextlib.contextmanager
def _alone(recipe: Recipe, store: Store) -> Iterator[None]:
    store.work.require_writable()
    folder = store.work.folder
    lock = FileLock(folder / f"{recipe.name}.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise CtrbenchError(f"{recipe.name}: another process is searching it in {folder}; wait until it ends") from None
    try:
        yield
    finally:
        lock.release()


def _job(
    recipe: Recipe, searched: OpenSearch, point: dict[str, object], context: RunContext, registries: Registries
) -> Job:
    assert recipe.search
    config = build_config(recipe, searched.row, recipe.search.seed, point, context.defaults, judged_on="search_holdout")
    return make_job(config, searched.row, searched.manifest, registries, context.defaults)


def _later(rounds: Rounds) -> list[RowKey]:
    """The row of every trial that comes after this round."""
    left = ((s, s.study.budget - len(s.study.trials()) - len(points)) for s, points in rounds)
    return [searched.row for searched, count in left for _ in range(count)]


def _tell(rounds: Rounds, jobs: dict[tuple[RowKey, int], Job], outcomes: Sequence[Outcome], store: Store) -> None:
    """Reports the trials' outcomes to the studies; a trial that failed without diverging waits for another attempt."""
    ended = {outcome.job.identity: outcome for outcome in outcomes}
    for searched, points in rounds:
        for number in points:
            job = jobs[searched.row, number]
            outcome = ended.get(job.identity)
            if store.finished(job.identity, job.names):
                searched.study.tell(number, store.read(job.identity, job.names).record)
            elif outcome and (outcome.diverged or outcome.status == "pruned"):
                searched.study.tell(number, None, pruned=not outcome.diverged)


def _best(searched: OpenSearch, settings: Search) -> SearchResult | None:
    """The result of a search; None if every trial diverged."""
    trials = searched.study.trials()
    goodness = searched.study.objective.goodness
    values = [(trial.value, trial) for trial in trials if trial.value is not None]
    if not values:
        return None
    value, trial = max(values, key=lambda pair: goodness(pair[0]))
    return SearchResult(
        **searched.row.names,
        settings=trial.settings,
        objective=settings.objective,
        value=value,
        basis=searched.basis,
        fingerprint=searched.manifest.fingerprint,
        cohorts=searched.cohorts,
        cohort_fingerprint=searched.manifest.fingerprint_with(searched.cohorts) if searched.cohorts else None,
        trials=trials,
    )
