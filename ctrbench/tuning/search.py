"""Search of settings on rows held out from training (AQCL eq. 7), with the same number of trials for every method.

A search has two rungs (:class:`ctrbench.recipe.space.Search`). The base is searched first; the first trial of every
other method is the base's best settings, so that no method loses to its base by bad luck in the settings they share.
A recipe may freeze the base instead: then every trial of the others has its best settings, and what they search are
settings of their own.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import Outcome, RunContext, drive, failure_line
from ctrbench.planning.plan import Job, admitted, cohorts_of, make_job, read_manifests, refusal
from ctrbench.planning.registries import REGISTRIES, Registries
from ctrbench.planning.search_basis import basis
from ctrbench.planning.settings import build_config, check_paths, parse_setting_path, setting, space_of
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import BestSettings, Searched, SearchResult
from ctrbench.store.store import Store
from ctrbench.tuning.objective import Objective
from ctrbench.tuning.row_search import Place, RowSearch
from ctrbench.tuning.study import Study, sampler_seed

SHORT = 16
"""Characters of a digest in the name of a study."""


@dataclass(frozen=True)
class Found:
    """What a search of a recipe's rows ends with."""

    best: BestSettings
    """The best settings of every row that has some, earlier searches included."""
    hopeless: list[RowKey]
    """The rows of which all trials diverged, and those that keep the settings of such a base."""
    refused: dict[RowKey, str]
    """Row -> why its backbone or method refuses it, with the settings of the base where it keeps them."""


def search(
    recipe: Recipe,
    context: RunContext,
    *,
    data: Path,
    known: BestSettings = BestSettings(),
    registries: Registries = REGISTRIES,
    on_outcome: Callable[[Outcome], None] | None = None,
    on_round: Callable[[Sequence[Job], Sequence[RowKey]], None] | None = None,
    on_trials: Callable[[Searched], None] | None = None,
) -> Found:
    """Searches every row of a recipe that is not ``known``; nothing outside the training split is read.

    A trial that ``known`` holds, of a search with another space or effort, is not run again.

    The trials' records lie in ``context.store``, apart from other jobs; their values in Optuna's journal beside it.
    ``on_round`` gets the jobs of each round before they begin, and the rows of the jobs that come after the round;
    ``on_trials`` gets every searched row's trials after each round.

    Raises:
        CtrbenchError: the recipe has no search, a name or setting is unknown, every row is refused, another process
            searches this recipe, or a trial failed without diverging: the next search tries it again.
    """
    if not recipe.search:
        raise CtrbenchError(f"{recipe.name}: it has no [search]; run: {recipe.command('run')}")
    recipe = recipe.model_copy(update={"overrides": {}, "variants": {}})
    results: dict[RowKey, SearchResult | None] = {}
    with _alone(recipe, context.store):
        searches = _Searches(recipe, context, data, registries, known)
        for rows in searches.stages():
            unsettled = []
            for row in rows:
                base = results.get(replace(row, method=recipe.base))
                if recipe.keeps_base(row.method) and not base:
                    results[row] = None
                    continue
                of_base = base.settings if base else {}
                if searches.refuses(row, of_base):
                    continue
                searched = searches.open(row, of_base)
                results[row] = known.of(row, searched.basis, searched.manifest)
                if not results[row]:
                    unsettled.append(searched)
            while rounds := [(each, jobs) for each in unsettled if (jobs := each.next_jobs())]:
                _round(rounds, context, on_outcome=on_outcome, on_round=on_round, on_trials=on_trials)
            results |= {each.row: each.result() for each in unsettled}
    found = tuple(result for _, result in sorted(results.items()) if result)
    hopeless = [row for row, result in results.items() if not result]
    return Found(BestSettings(recipe=recipe.name, results=found), hopeless, searches.refused)


def _round(
    rounds: Sequence[tuple[RowSearch, Mapping[Place, Job]]],
    context: RunContext,
    *,
    on_outcome: Callable[[Outcome], None] | None,
    on_round: Callable[[Sequence[Job], Sequence[RowKey]], None] | None,
    on_trials: Callable[[Searched], None] | None,
) -> None:
    """Runs one round of every search, and reports the outcomes to them."""
    # Two trials may propose one point: it is run once.
    distinct = list({job.identity: job for _, jobs in rounds for job in jobs.values()}.values())
    if on_round:
        on_round(distinct, [each.row for each, jobs in rounds for _ in range(each.jobs_after(jobs))])
    outcomes = drive(distinct, context, on_outcome=on_outcome)
    ended = {outcome.job.identity: outcome for outcome in outcomes}
    for each, jobs in rounds:
        each.end(jobs, ended)
        if on_trials:
            on_trials(each.unfinished())
    if broken := failure_line([outcome for outcome in outcomes if not outcome.diverged]):
        raise CtrbenchError(broken)


class _Searches:
    """The rows of a recipe, each of which can be opened as a search.

    Raises:
        CtrbenchError: a name or setting is unknown, a dataset is not prepared or lacks a label or field, every row is
            refused, or the space has a value that its setting cannot take.
    """

    def __init__(
        self, recipe: Recipe, context: RunContext, data: Path, registries: Registries, known: BestSettings
    ) -> None:
        self.recipe, self.context, self.registries, self.known = recipe, context, registries, known
        self.manifests = read_manifests(recipe, data, registries, context.defaults)
        self.rows, self.refused = admitted(recipe, self.manifests, registries, context.defaults)
        if not self.rows:
            reasons = "; ".join(f"{row}: {why}" for row, why in self.refused.items())
            raise CtrbenchError(f"{recipe.name}: nothing to search; {reasons}")
        check_paths(recipe, self.rows, context.defaults)
        for row in self.rows:
            self.open(row)

    def stages(self) -> tuple[list[RowKey], list[RowKey]]:
        """The rows of the base, and the others."""
        base = [row for row in self.rows if row.method == self.recipe.base]
        return base, [row for row in self.rows if row.method != self.recipe.base]

    def refuses(self, row: RowKey, of_base: Mapping[str, object]) -> bool:
        """Notes a row that keeps the best settings of its base, and whose method refuses to be run with them."""
        if not self.recipe.keeps_base(row.method):
            return False
        config = build_config(self.recipe, row, 0, of_base, self.context.defaults)
        reason = refusal(config, self.manifests[row.dataset], self.registries, self.context.defaults)
        self.refused |= {row: reason} if reason else {}
        return reason is not None

    def _probe(self, row: RowKey, point: Mapping[str, object], where: str = "") -> set[str]:
        """The cohorts that a trial of a point reads while it trains.

        Raises:
            CtrbenchError: no trial can have the point; it says ``where`` the point is from.
        """
        recipe, registries, defaults = self.recipe, self.registries, self.context.defaults
        assert recipe.search
        try:
            config = build_config(recipe, row, recipe.search.seed, point, defaults, judged_on="search_holdout")
            make_job(config, row, self.manifests[row.dataset], registries, defaults)
        except CtrbenchError as error:
            raise CtrbenchError(f"{where}{error}") from None
        return set(cohorts_of(config, registries, defaults))

    def open(self, row: RowKey, of_base: Mapping[str, object] = {}) -> RowSearch:
        """The search of a row. The first trial has the best settings of the base, where they are known, and the
        defaults of those that the base lacks; where the base is frozen, every trial has its best settings."""
        recipe, context, manifest = self.recipe, self.context, self.manifests[row.dataset]
        settings, defaults = recipe.search, context.defaults
        assert settings
        space = space_of(recipe, row, defaults)
        frozen = of_base if recipe.keeps_base(row.method) else {}
        read = self._probe(row, frozen)
        for path, dimension in space.items():
            for value in dimension.probes():
                read |= self._probe(row, {**frozen, path: value}, f"search.space.{path} = {value!r:.60}: ")
        config = build_config(recipe, row, settings.seed, frozen, defaults, judged_on="search_holdout")
        first: dict[str, object] = {}
        if of_base:
            places = {path: place for path in space if (place := parse_setting_path(path, row, defaults))}
            first = {path: setting(config, *place, defaults) for path, place in places.items()}
            first |= {} if frozen else of_base
        own_basis = basis(recipe, row, defaults, self.registries.plugins(row), frozen=frozen)
        study = Study(
            journal=context.store.work.folder / f"{recipe.name}.journal",
            name=f"{row} {own_basis[:SHORT]} {manifest.fingerprint_with(read)[:SHORT]}",
            space=space,
            trials_at_most=settings.budget(row.dataset, of_base=row.method == recipe.base),
            seed=sampler_seed(settings, row),
            objective=Objective.of(settings.objective, config, manifest),
            first=first,
        )
        return RowSearch(
            recipe,
            row,
            manifest,
            tuple(sorted(read)),
            own_basis,
            study,
            context,
            self.registries,
            frozen=frozen,
            earlier=self.known.trials_of(row, settings.objective),
        )


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
