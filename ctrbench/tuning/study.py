"""One search in Optuna's storage: its proposals, the trials' outcomes, and which trials it prunes.

A round's proposals depend only on the trials of earlier rounds, and so does the decision to prune a trial: the search
is the same with any number of jobs, and after a kill while its trials train. (A kill in the instant in which a round
is proposed or answered makes that round shorter; the number of trials does not change.)
"""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import EpochCallback, Pruned
from ctrbench.recipe.space import Dimension, Search
from ctrbench.store.best_settings import Trial
from ctrbench.store.record import Record
from ctrbench.training.history import EpochMetrics
from ctrbench.tuning.objective import Objective

if TYPE_CHECKING:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.trial import FrozenTrial

ROUND = 4
"""Trials of one study that are proposed together, whatever the number of jobs."""

FULL_EPOCHS = 1
"""Epochs that every trial is trained before it may be pruned."""

EPOCHS = "epochs"
"""What the journal calls the epochs that a trial began."""


@dataclass(frozen=True)
class Study:
    """The trials of one dataset, backbone and method, kept in a journal that outlives the process."""

    journal: Path
    name: str
    """Identifies the study in its journal: the name contains everything that decides the trials."""
    space: Mapping[str, Dimension]
    search: Search
    objective: Objective

    @property
    def budget(self) -> int:
        """Number of trials: in a space of choices only, at most the number of its distinct points."""
        return min(self.search.trials, _grid_size(self.space) or self.search.trials)

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
            for _ in range(min(ROUND, self.budget - asked)):
                proposing.ask(distributions)
            waiting = self._study.get_trials(deepcopy=False, states=running)
        return {trial.number: self._point(trial) for trial in waiting}

    def tell(self, number: int, record: Record | None, *, pruned: bool = False) -> None:
        """A trial ended: with a record, pruned, or failed. Looks that no callback saw are noted first."""
        from optuna.trial import TrialState  # noqa: PLC0415

        value = self.objective.of_record(record) if record else None
        state = TrialState.PRUNED if pruned else TrialState.FAIL if value is None else TrialState.COMPLETE
        if record:
            self._note(number, record.epochs, record.config.training.looks)
        self._study.tell(number, value if state == TrialState.COMPLETE else None, state=state)

    def trials(self) -> tuple[Trial, ...]:
        """All trials that ended, in the order in which they were proposed."""
        return tuple(
            Trial(
                settings=self._point(trial),
                state={"COMPLETE": "complete", "PRUNED": "pruned"}.get(trial.state.name, "failed"),
                value=trial.value if trial.state.name == "COMPLETE" else None,
                epochs=trial.user_attrs.get(EPOCHS, 0),
            )
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished()
        )

    def follower(self, number: int, looks: int) -> EpochCallback:
        """The callback of a trial's job, which has so many looks per epoch."""
        return partial(self.follow, number, looks)

    def follow(self, number: int, looks: int, history: Sequence[EpochMetrics]) -> None:
        """Notes a trial's looks, ``looks`` per epoch.

        Raises:
            Pruned: at the end of an epoch, the trial's best look so far is worse than the median of the best looks of
                this epoch in earlier rounds' trials.
        """
        if history and self._note(number, history, looks).should_prune():
            raise Pruned(f"epoch {len(history) // looks} is worse than the median of earlier trials")

    def _note(self, number: int, history: Sequence[EpochMetrics], looks: int) -> "optuna.Trial":
        """Reports the best look of every epoch that ended, so that trials are compared epoch by epoch, however many
        looks each of them takes."""
        import optuna  # noqa: PLC0415

        known = self._study.get_trials(deepcopy=False)[number]
        trial = optuna.trial.Trial(self._study, known._trial_id)
        begun = -(-len(history) // looks)
        if begun != known.user_attrs.get(EPOCHS):
            trial.set_user_attr(EPOCHS, begun)
        for epoch in range(1, len(history) // looks + 1):
            values = [self.objective.of_epoch(look) for look in history[(epoch - 1) * looks : epoch * looks]]
            best = max(values, key=self.objective.goodness)
            if epoch not in known.intermediate_values and best is not None:
                trial.report(best, epoch)
        return trial

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
                pruner=optuna.pruners.MedianPruner(n_startup_trials=ROUND, n_warmup_steps=FULL_EPOCHS + 1),
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
            return optuna.samplers.GridSampler(grid, seed=self.search.seed)
        return optuna.samplers.TPESampler(seed=self.search.seed + asked, n_startup_trials=ROUND)

    def _point(self, trial: "FrozenTrial") -> dict[str, Any]:
        return {
            path: dimension.choices[trial.params[path]] if dimension.choices else float(f"{trial.params[path]:.3g}")
            for path, dimension in self.space.items()
        }


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
