"""The search of one row: a dataset, backbone and method, on two rungs (:class:`ctrbench.recipe.space.Search`)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from ctrbench.data.schema import Manifest
from ctrbench.execution.drive import Outcome, RunContext
from ctrbench.planning.plan import Job, make_job
from ctrbench.planning.registries import Registries
from ctrbench.planning.settings import build_config
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.recipe.space import Search
from ctrbench.store.best_settings import Searched, SearchResult, Trial
from ctrbench.tuning.study import Study

TOGETHER = 2
"""Finalists that run in one round, so that little is lost when the search ends early."""

Place = tuple[int, int]
"""Number of a trial, and seed of the run."""


@dataclass(frozen=True)
class RowSearch:
    """The search of one dataset, backbone and method."""

    recipe: Recipe
    row: RowKey
    manifest: Manifest
    cohorts: tuple[str, ...]
    """Those that the method of some trial reads while it trains."""
    basis: str
    study: Study
    context: RunContext
    registries: Registries
    frozen: Mapping[str, object] = field(default_factory=dict)
    """Settings that every trial has: path -> value."""
    earlier: Mapping[str, Trial] = field(default_factory=dict)
    """Identity -> trial of earlier searches of the row, which are not run again."""
    diverged: set[str] = field(default_factory=set)
    """Identities of the second rung's jobs whose training diverged."""

    @property
    def settings(self) -> Search:
        """Section ``[search]`` of the recipe."""
        assert self.recipe.search
        return self.recipe.search

    def next_jobs(self) -> dict[Place, Job]:
        """The jobs to run next: a round of the first rung, or of the second; empty at the end."""
        while points := self.study.open_round():
            if jobs := self._unknown(points):
                return jobs
        left = self._left()
        now = list(dict.fromkeys(number for number, _ in left))[:TOGETHER]
        return {place: job for place, job in left.items() if place[0] in now}

    def _left(self) -> dict[Place, Job]:
        """The jobs of the second rung that nobody has run."""
        finalists = self._finalists()
        jobs = {
            (number, seed): self.job(trial.settings, seed)
            for number, trial in finalists.items()
            for seed in self.settings.further_seeds()
        }
        store = self.context.store
        return {
            place: job
            for place, job in jobs.items()
            if job.identity not in self.diverged
            and not store.finished(job.identity, job.names)
            and self._earlier_value(finalists[place[0]], place[1]) is None
        }

    def _unknown(self, points: Mapping[int, Mapping[str, object]]) -> dict[Place, Job]:
        """The jobs of a round's points that no earlier search has tried; the others are answered."""
        seed = self.settings.seed
        jobs = {(number, seed): self.job(point, seed) for number, point in points.items()}
        for (number, _), job in jobs.items():
            if trial := self.earlier.get(job.identity):
                self.study.tell(number, trial.value, epochs=trial.epochs)
        return {place: job for place, job in jobs.items() if job.identity not in self.earlier}

    def jobs_after(self, round_: Mapping[Place, Job]) -> int:
        """Jobs of this search that come after a round."""
        if all(seed != self.settings.seed for _, seed in round_):
            return len(self._left()) - len(round_)
        finalists = math.ceil(self.settings.finalists * self.study.budget)
        ended = len(self.study.trials())
        return self.study.budget - ended - len(round_) + finalists * len(self.settings.further_seeds())

    def end(self, round_: Mapping[Place, Job], outcomes: Mapping[str, Outcome]) -> None:
        """Notes how a round's jobs ended; a job that failed without diverging waits for another attempt."""
        store = self.context.store
        for (number, seed), job in round_.items():
            diverged = job.identity in outcomes and outcomes[job.identity].diverged
            if seed != self.settings.seed:
                self.diverged.update([job.identity] if diverged else [])
            elif store.finished(job.identity, job.names):
                record = store.read(job.identity, job.names).record
                epochs = -(-record.looks // record.config.training.looks)
                self.study.tell(number, self.study.objective.of_record(record), epochs=epochs)
            elif diverged:
                self.study.tell(number, None, epochs=0)

    def job(self, point: Mapping[str, object], seed: int) -> Job:
        """The job of a point with a seed."""
        settings = {**self.frozen, **point}
        config = build_config(self.recipe, self.row, seed, settings, self.context.defaults, judged_on="search_holdout")
        return make_job(config, self.row, self.manifest, self.registries, self.context.defaults)

    def result(self) -> SearchResult | None:
        """The finalist with the best mean; None if every trial or every finalist diverged."""
        trials = self.trials()
        whole = 1 + len(self.settings.further_seeds())
        eligible = {number: trials[number] for number in self._finalists() if 1 + len(trials[number].further) == whole}
        if not eligible:
            return None
        goodness = self.study.objective.goodness
        best = min(eligible.items(), key=lambda entry: (-goodness(entry[1].mean), entry[0]))[1]
        assert best.mean is not None
        return SearchResult(
            **self.row.names,
            settings={**self.frozen, **best.settings},
            objective=self.settings.objective,
            value=best.mean,
            seeds=self.settings.seeds,
            basis=self.basis,
            fingerprint=self.manifest.fingerprint,
            cohorts=self.cohorts,
            cohort_fingerprint=self.manifest.fingerprint_with(self.cohorts) if self.cohorts else None,
            trials=trials,
        )

    def unfinished(self) -> Searched:
        """The trials so far."""
        return Searched(
            **self.row.names, objective=self.settings.objective, seeds=self.settings.seeds, trials=self.trials()
        )

    def trials(self) -> tuple[Trial, ...]:
        """The trials that ended; those of the second rung with what is known of their further values."""
        ended = [
            trial.model_copy(update={"identity": self.job(trial.settings, self.settings.seed).identity})
            for trial in self.study.trials()
        ]
        for number, trial in self._finalists().items() if len(ended) == self.study.budget else ():
            values = [self._value(trial, seed) for seed in self.settings.further_seeds()]
            further = tuple(value for value in values if value is not None)
            ended[number] = ended[number].model_copy(update={"further": further})
        return tuple(ended)

    def _finalists(self) -> dict[int, Trial]:
        """The best of the first rung, by number; of equal points, only the first."""
        trials = self.study.trials()
        goodness = self.study.objective.goodness
        ranked = sorted(
            (number for number, trial in enumerate(trials) if trial.value is not None),
            key=lambda number: (-goodness(trials[number].value), number),
        )
        distinct = {repr(trials[number].settings): number for number in reversed(ranked)}
        chosen = [number for number in ranked if number in distinct.values()]
        return {number: trials[number] for number in chosen[: math.ceil(self.settings.finalists * len(trials))]}

    def _value(self, trial: Trial, seed: int) -> float | None:
        job, store = self.job(trial.settings, seed), self.context.store
        if not store.finished(job.identity, job.names):
            return self._earlier_value(trial, seed)
        return self.study.objective.of_record(store.read(job.identity, job.names).record)

    def _earlier_value(self, trial: Trial, seed: int) -> float | None:
        """What an earlier search measured with a further seed; None where it did not."""
        first = self.settings.seed
        known = self.earlier.get(self.job(trial.settings, first).identity)
        place = seed - first - 1
        return known.further[place] if known and place < len(known.further) else None
