"""The first rung of one search, in Optuna's storage: its proposals, and the trials' outcomes.

A round's proposals depend only on the trials of earlier rounds, so the search is the same with any number of jobs, and
after a kill while its trials train. (A kill in the instant in which a round is proposed or answered makes that round
shorter; the number of trials does not change.)
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctrbench.data.schema import digest
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.space import Dimension, Search
from ctrbench.store.best_settings import Trial
from ctrbench.tuning.objective import Objective

if TYPE_CHECKING:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

ROUND = 4
"""Trials of one study that are proposed together, whatever the number of jobs."""

EPOCHS = "epochs"
"""What the journal calls the epochs that a trial began."""


@dataclass(frozen=True)
class Study:
    """The trials of one dataset, backbone and method, kept in a journal that outlives the process."""

    journal: Path
    name: str
    """Identifies the study in its journal: the name contains everything that decides the trials."""
    space: Mapping[str, Dimension]
    trials_at_most: int
    seed: int
    """Of the sampler: every row's search has a seed of its own, so that no two draw the same points."""
    objective: Objective
    first: Mapping[str, Any] = field(default_factory=dict)
    """The first point, where it is given; the sampler draws the settings whose value here is outside the space. A grid
    of which every point is tried needs no first one."""

    @property
    def budget(self) -> int:
        """Number of trials: in a space of choices only, at most the number of its distinct points."""
        return min(self.trials_at_most, _grid_size(self.space) or self.trials_at_most)

    @property
    def _whole_grid(self) -> bool:
        return (_grid_size(self.space) or math.inf) <= self.trials_at_most

    def open_round(self) -> dict[int, dict[str, Any]]:
        """Number -> point of the trials without an outcome, or else of a newly proposed round; empty at the end."""
        import optuna  # noqa: PLC0415 - planning must not wait for it

        running = (optuna.trial.TrialState.RUNNING,)
        waiting = self._study.get_trials(deepcopy=False, states=running)
        if not waiting:
            asked = len(self._study.get_trials(deepcopy=False))
            # Outcomes are told without this sampler: a grid sampler would try to stop Optuna's own loop.
            proposing = optuna.load_study(study_name=self.name, storage=self._storage, sampler=self._sampler(asked))
            distributions = {path: _distribution(dimension) for path, dimension in self.space.items()}
            if not asked and self.first and not self._whole_grid:
                proposing.enqueue_trial(self._parameters(self.first))
            for _ in range(min(ROUND, self.budget - asked)):
                proposing.ask(distributions)
            waiting = self._study.get_trials(deepcopy=False, states=running)
        return {trial.number: self._point(trial) for trial in waiting}

    def tell(self, number: int, value: float | None, *, epochs: int) -> None:
        """A trial ended: with a value of the objective, or None if its training diverged."""
        import optuna  # noqa: PLC0415

        known = self._study.get_trials(deepcopy=False)[number]
        optuna.trial.Trial(self._study, known._trial_id).set_user_attr(EPOCHS, epochs)
        failed, complete = optuna.trial.TrialState.FAIL, optuna.trial.TrialState.COMPLETE
        self._study.tell(number, value, state=failed if value is None else complete)

    def trials(self) -> tuple[Trial, ...]:
        """All trials that ended, in the order in which they were proposed."""
        return tuple(
            Trial(
                settings=self._point(trial),
                state="complete" if trial.state.name == "COMPLETE" else "failed",
                value=trial.value,
                epochs=trial.user_attrs.get(EPOCHS, 0),
            )
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished()
        )

    @cached_property
    def _storage(self) -> "JournalStorage":
        """Reads the journal once; Optuna then reads only what was added."""
        from optuna.storages import JournalStorage  # noqa: PLC0415
        from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

        self.journal.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(self.journal)))

    @cached_property
    def _study(self) -> "optuna.Study":
        import optuna  # noqa: PLC0415

        optuna.logging.set_verbosity(logging.WARNING)
        try:
            return optuna.create_study(
                study_name=self.name,
                storage=self._storage,
                direction="maximize" if self.objective.maximize else "minimize",
                load_if_exists=True,
            )
        except (AssertionError, KeyError, ValueError):
            cause = "cannot be read; remove it: finished trials have records and are not trained again"
            raise CtrbenchError(f"{self.journal}: {cause}") from None

    def _sampler(self, asked: int) -> "optuna.samplers.BaseSampler":
        """A sampler, seeded for each round, since a sampler's state is not in the storage."""
        import optuna  # noqa: PLC0415

        if _grid_size(self.space):
            grid = {path: list(range(len(dimension.choices))) for path, dimension in self.space.items()}
            return optuna.samplers.GridSampler(grid, seed=self.seed)
        return optuna.samplers.TPESampler(seed=self.seed + asked, n_startup_trials=startup_trials(self.space))

    def _point(self, trial: "FrozenTrial") -> dict[str, Any]:
        return {
            path: dimension.choices[trial.params[path]] if dimension.choices else dimension.rounded(trial.params[path])
            for path, dimension in self.space.items()
        }

    def _parameters(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """A point as Optuna knows it: positions in place of choices."""
        return {
            path: dimension.choices.index(point[path]) if dimension.choices else point[path]
            for path, dimension in self.space.items()
            if path in point and dimension.holds(point[path])
        }


def startup_trials(space: Mapping[str, Dimension]) -> int:
    """Random trials before TPE models the space: two more than it has dimensions, and no fewer than 8."""
    return max(8, len(space) + 2)


def sampler_seed(search: Search, row: object) -> int:
    """The seed of a row's sampler: 31 bits of the sha256 of the search's seed and the row's name."""
    return int(digest([search.seed, str(row)])[:8], 16) >> 1


def _grid_size(space: Mapping[str, Dimension]) -> int | None:
    """Distinct points of a space of choices only; None for any other space."""
    if not all(dimension.choices for dimension in space.values()):
        return None
    return math.prod(len(dimension.choices) for dimension in space.values())


def _distribution(dimension: Dimension) -> "optuna.distributions.BaseDistribution":
    import optuna  # noqa: PLC0415

    if dimension.choices:
        # Optuna supports choices of scalars only, so it gets the positions of the choices.
        return optuna.distributions.CategoricalDistribution(range(len(dimension.choices)))
    assert dimension.low is not None
    assert dimension.high is not None
    return optuna.distributions.FloatDistribution(dimension.low, dimension.high, log=dimension.log)
