"""Search of settings on validation: Optuna proposes, ordinary runs answer, so a killed search resumes by replaying."""

import itertools
import logging
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.execute import Outcome, Site, execute
from ctrbench.experiments.found import Found, FoundSettings, Trial
from ctrbench.experiments.plan import (
    CATALOGUE,
    Catalogue,
    Cell,
    Run,
    admitted,
    basis,
    check_data,
    check_paths,
    locate,
    read_manifests,
    resolve,
)
from ctrbench.experiments.recipe import Dimension, Recipe, Search
from ctrbench.experiments.record import RunRecord

if TYPE_CHECKING:
    import optuna

ROUND = 4
"""Trials of one combination that are proposed together, whatever the number of jobs: the same search everywhere."""


@dataclass
class Study:
    """The search of one dataset, backbone and method."""

    cell: Cell
    fingerprint: str
    basis: str
    proposals: Iterator[list[dict[str, Any]]]
    """Rounds of points; a round may depend on the values of those before it."""
    budget: int
    """Trials in all."""
    trials: list[Trial] = field(default_factory=list)

    def left(self, proposed: int) -> int:
        """Trials after those that are proposed."""
        return self.budget - len(self.trials) - proposed


def search(
    recipe: Recipe,
    site: Site,
    *,
    jobs: int = 1,
    catalogue: Catalogue = CATALOGUE,
    on_outcome: Callable[[Outcome], None] | None = None,
    on_round: Callable[[Sequence[Run], Sequence[Cell]], None] | None = None,
) -> Found:
    """Searches every combination of a recipe with the same number of trials; the test split is never read.

    ``on_round`` is told the runs of each round before they begin, and the rows of the runs that come after it.

    Raises:
        CtrbenchError: the recipe has no search, a name or setting is unknown, or all trials of a combination failed.
    """
    if not (settings := recipe.search):
        raise CtrbenchError(f"{recipe.name}: it has no [search]; run: ctrbench run {recipe.name}")
    recipe = recipe.model_copy(update={"overrides": {}, "variants": {}})
    studies = make_studies(recipe, settings, site.data, catalogue)
    while rounds := [(study, points) for study in studies if (points := next(study.proposals, None))]:
        runs = {}
        for study, points in rounds:
            for point in points:
                config = resolve(recipe, study.cell, settings.seed, point, catalogue, measure="tuning")
                runs[study.cell, repr(point)] = Run(config, config.identity(study.fingerprint), study.cell)
        if on_round:
            later = [study.cell for study, points in rounds for _ in range(study.left(len(points)))]
            on_round(list(runs.values()), later)
        execute(list(runs.values()), site, jobs=jobs, on_outcome=on_outcome)
        for study, points in rounds:
            for point in points:
                identity = runs[study.cell, repr(point)].identity
                record = site.ledger.read(identity) if site.ledger.finished(identity) else None
                study.trials.append(Trial(settings=point, value=record and objective(record, settings)))
    return Found(recipe=recipe.name, found=tuple(_best(study, settings) for study in studies))


def make_studies(recipe: Recipe, search: Search, data: Path, catalogue: Catalogue) -> list[Study]:
    """One study for each combination that its method does not refuse.

    Raises:
        CtrbenchError: a name or setting is unknown, or a dataset was not prepared or lacks a label or field.
    """
    manifests = read_manifests(recipe, data, catalogue)
    cells, _ = admitted(recipe, manifests, catalogue)
    check_paths(recipe, cells, catalogue)
    studies = []
    for cell in cells:
        space = {path: dimension for path, dimension in search.space.items() if locate(path, cell, catalogue)}
        inputs = {path: dimension for path, dimension in space.items() if path.startswith("data.")}
        for point in ({}, *({path: choice} for path, dimension in inputs.items() for choice in dimension.choices)):
            config = resolve(recipe, cell, search.seed, point, catalogue, measure="tuning")
            check_data(config, manifests[cell.dataset], catalogue)
        trials: list[Trial] = []
        study = Study(
            cell=cell,
            fingerprint=manifests[cell.dataset].fingerprint,
            basis=basis(recipe, cell, catalogue),
            proposals=propose(space, search, trials),
            budget=min(search.trials, grid_size(space) or search.trials),
            trials=trials,
        )
        studies.append(study)
    return studies


def propose(space: dict[str, Dimension], search: Search, trials: Sequence[Trial]) -> Iterator[list[dict[str, Any]]]:
    """Rounds of points, ``search.trials`` in all; ``trials`` grows by the values of each round before the next.

    A space of choices only is a grid: its points in random order, none twice.
    """
    if grid_size(space):
        choices = [dimension.choices for dimension in space.values()]
        grid = [dict(zip(space, values, strict=True)) for values in itertools.product(*choices)]
        random.Random(search.seed).shuffle(grid)
        yield grid[: search.trials]
        return
    yield from _propose_by_tpe(space, search, trials)


def grid_size(space: dict[str, Dimension]) -> int | None:
    """Distinct points of a space of choices only; None for any other space."""
    if not all(dimension.choices for dimension in space.values()):
        return None
    return math.prod(len(dimension.choices) for dimension in space.values())


def _propose_by_tpe(
    space: dict[str, Dimension], search: Search, trials: Sequence[Trial]
) -> Iterator[list[dict[str, Any]]]:
    import optuna  # noqa: PLC0415 - planning must not wait for it

    optuna.logging.set_verbosity(logging.WARNING)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=search.seed, n_startup_trials=2 * ROUND),
        direction="maximize" if search.objective == "auc" else "minimize",
    )
    distributions = {path: _distribution(dimension) for path, dimension in space.items()}
    for start in range(0, search.trials, ROUND):
        asked = [study.ask(distributions) for _ in range(min(ROUND, search.trials - start))]
        yield [_point(trial.params, space) for trial in asked]
        for trial, answered in zip(asked, trials[start:], strict=True):
            failed = answered.value is None
            study.tell(trial, answered.value, state=optuna.trial.TrialState.FAIL if failed else None)


def _distribution(dimension: Dimension) -> "optuna.distributions.BaseDistribution":
    import optuna  # noqa: PLC0415 - planning must not wait for it

    if dimension.choices:
        # Optuna knows choices of scalars only, so it is given their positions.
        return optuna.distributions.CategoricalDistribution(range(len(dimension.choices)))
    assert dimension.low is not None
    assert dimension.high is not None
    return optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)


def _point(params: dict[str, Any], space: dict[str, Dimension]) -> dict[str, Any]:
    return {
        path: dimension.choices[params[path]] if dimension.choices else float(f"{params[path]:.3g}")
        for path, dimension in space.items()
    }


def objective(record: RunRecord, search: Search) -> float | None:
    """The figure of a validation record that the search looks at."""
    overall = next(group for group in record.metrics if group.column == "overall")
    return overall.auc if search.objective == "auc" else overall.logloss


def _best(study: Study, settings: Search) -> FoundSettings:
    values = [(trial.value, trial) for trial in study.trials if trial.value is not None]
    if not values:
        raise CtrbenchError(f"{study.cell}: all trials of the search failed; results/failed holds their causes")
    choose = max if settings.objective == "auc" else min
    value, trial = choose(values, key=lambda pair: pair[0])
    return FoundSettings(
        **study.cell.names,
        settings=trial.settings,
        objective=settings.objective,
        value=value,
        basis=study.basis,
        fingerprint=study.fingerprint,
        trials=tuple(study.trials),
    )
