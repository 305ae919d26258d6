"""Search of settings on rows set aside from training (AQCL eq. 7), with the same number of trials for every method."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from filelock import FileLock, Timeout

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.cell import CATALOGUE, Catalogue, Cell
from ctrbench.experiments.execute import Outcome, Site, execute, failure_line
from ctrbench.experiments.found import Found, FoundSettings
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import Run, admitted, check_data, read_manifests
from ctrbench.experiments.recipe import Recipe, Search
from ctrbench.experiments.record import RunRecord
from ctrbench.experiments.resolve import basis, check_paths, locate, resolve
from ctrbench.experiments.study import Study

SHORT = 16
"""Letters of a digest in the name of a study."""


@dataclass(frozen=True)
class Searched:
    """The search of one dataset, backbone and method."""

    cell: Cell
    fingerprint: str
    basis: str
    study: Study


def search(
    recipe: Recipe,
    site: Site,
    *,
    known: Found = Found(),
    jobs: int = 1,
    catalogue: Catalogue = CATALOGUE,
    on_outcome: Callable[[Outcome], None] | None = None,
    on_round: Callable[[Sequence[Run], Sequence[Cell]], None] | None = None,
) -> tuple[Found, list[Cell]]:
    """Searches every combination of a recipe that is not ``known``; nothing outside training is read.

    The trials' records lie in a ledger of their own, ``site.ledger``; their values in Optuna's journal beside it.
    ``on_round`` is told the runs of each round before they begin, and the rows of the runs that come after it.

    Returns:
        The best settings of every combination, those of earlier searches included, and the combinations without any,
        since each of their trials diverged.

    Raises:
        CtrbenchError: the recipe has no search, a name or setting is unknown, another process searches this recipe, or
            a trial failed otherwise than by diverging: the next search tries it again.
    """
    if not (settings := recipe.search):
        raise CtrbenchError(f"{recipe.name}: it has no [search]; run: ctrbench run {recipe.name}")
    recipe = recipe.model_copy(update={"overrides": {}, "variants": {}})
    settled: dict[Cell, FoundSettings] = {}
    open_searches = []
    for searched in make_searches(recipe, settings, site, catalogue):
        if best := known.of(searched.cell, searched.basis, searched.fingerprint):
            settled[searched.cell] = best
        else:
            open_searches.append(searched)
    with _alone(recipe, site.ledger):
        while rounds := [(s, points) for s in open_searches if (points := s.study.open_round())]:
            runs = {
                (searched.cell, number): _run(recipe, searched, point, catalogue)
                for searched, points in rounds
                for number, point in points.items()
            }
            # Two trials may propose one point: it is run once.
            distinct = list({run.identity: run for run in runs.values()}.values())
            if on_round:
                on_round(distinct, _later(rounds))
            watches = {
                runs[s.cell, number].identity: s.study.watch(number) for s, points in rounds for number in points
            }
            outcomes = execute(distinct, site, jobs=jobs, on_outcome=on_outcome, watches=watches)
            _tell(rounds, runs, outcomes, site.ledger, settings)
            if broken := failure_line([outcome for outcome in outcomes if not outcome.diverged]):
                raise CtrbenchError(broken)
    settled |= {searched.cell: best for searched in open_searches if (best := _best(searched, settings))}
    hopeless = [searched.cell for searched in open_searches if searched.cell not in settled]
    return Found(recipe=recipe.name, found=tuple(settled[cell] for cell in sorted(settled))), hopeless


def make_searches(recipe: Recipe, settings: Search, site: Site, catalogue: Catalogue) -> list[Searched]:
    """One for each combination that its method does not refuse.

    Raises:
        CtrbenchError: a name or setting is unknown, a dataset was not prepared or lacks a label or field, or the space
            has a value that its setting cannot take.
    """
    manifests = read_manifests(recipe, site.data, catalogue)
    cells, _ = admitted(recipe, manifests, catalogue)
    check_paths(recipe, cells, catalogue)
    searches = []
    for cell in cells:
        space = {path: dimension for path, dimension in settings.space.items() if locate(path, cell, catalogue)}
        for point in ({}, *({path: value} for path, dimension in space.items() for value in dimension.probes())):
            config = resolve(recipe, cell, settings.seed, point, catalogue, measure="tuning")
            check_data(config, manifests[cell.dataset], catalogue)
        own_basis, fingerprint = basis(recipe, cell, catalogue), manifests[cell.dataset].fingerprint
        name = f"{cell} {own_basis[:SHORT]} {fingerprint[:SHORT]}"
        journal = site.ledger.results / f"{recipe.name}.journal"
        searches.append(Searched(cell, fingerprint, own_basis, Study(journal, name, space, settings)))
    return searches


def objective(record: RunRecord, search: Search) -> float | None:
    """The figure of a trial's record that the search looks at."""
    return record.overall.auc if search.objective == "auc" else record.overall.logloss


@contextlib.contextmanager
def _alone(recipe: Recipe, ledger: Ledger) -> Iterator[None]:
    ledger.require_writable()
    lock = FileLock(ledger.results / f"{recipe.name}.lock", blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise CtrbenchError(f"{recipe.name}: another process searches it in {ledger.results}; wait for it") from None
    try:
        yield
    finally:
        lock.release()


Rounds = Sequence[tuple[Searched, dict[int, dict[str, object]]]]


def _run(recipe: Recipe, searched: Searched, point: dict[str, object], catalogue: Catalogue) -> Run:
    assert recipe.search
    config = resolve(recipe, searched.cell, recipe.search.seed, point, catalogue, measure="tuning")
    return Run(config, config.identity(searched.fingerprint), searched.cell)


def _later(rounds: Rounds) -> list[Cell]:
    """One entry for each trial after those of the round."""
    left = ((s, s.study.budget - len(s.study.trials()) - len(points)) for s, points in rounds)
    return [searched.cell for searched, count in left for _ in range(count)]


def _tell(
    rounds: Rounds, runs: dict[tuple[Cell, int], Run], outcomes: Sequence[Outcome], ledger: Ledger, search: Search
) -> None:
    """Tells the studies how trials ended; one that failed otherwise than by diverging waits for another attempt."""
    ended = {outcome.run.identity: outcome for outcome in outcomes}
    for searched, points in rounds:
        for number in points:
            identity = runs[searched.cell, number].identity
            outcome = ended.get(identity)
            if ledger.finished(identity):
                record = ledger.read(identity)
                searched.study.tell(number, objective(record, search), epochs=record.epochs)
            elif outcome and (outcome.diverged or outcome.status == "given up"):
                searched.study.tell(number, None, given_up=not outcome.diverged)


def _best(searched: Searched, settings: Search) -> FoundSettings | None:
    """None where every trial diverged."""
    trials = searched.study.trials()
    values = [(trial.value, trial) for trial in trials if trial.value is not None]
    if not values:
        return None
    choose = max if settings.objective == "auc" else min
    value, trial = choose(values, key=lambda pair: pair[0])
    return FoundSettings(
        **searched.cell.names,
        settings=trial.settings,
        objective=settings.objective,
        value=value,
        basis=searched.basis,
        fingerprint=searched.fingerprint,
        trials=trials,
    )
