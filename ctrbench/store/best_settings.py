"""The results of searches: ``results/best_settings/<recipe>.toml``."""

import itertools
from pathlib import Path
from typing import Any, Literal

from ctrbench import places
from ctrbench.data.schema import Manifest
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml, write_toml
from ctrbench.names import check_name
from ctrbench.recipe.row_key import RowKey
from ctrbench.strict import Strict

FOLDER = "best_settings"


class Trial(Strict):
    """One point of a search."""

    settings: dict[str, Any]
    state: Literal["complete", "failed"]
    """``failed``: its training diverged."""
    value: float | None = None
    """Value of the objective on the first seed; None for a trial that is not complete."""
    further: tuple[float, ...] = ()
    """Values on the further seeds of a finalist, in their order; seeds with which training diverged are left out."""
    epochs: int
    """Epochs begun on the first seed, whatever the looks in each of them."""
    identity: str = ""
    """Of its job with the first seed, by which a wider search knows it again; empty in older files."""

    @property
    def mean(self) -> float | None:
        """Mean of the objective over the seeds of the trial; None for a trial that is not complete."""
        return None if self.value is None else (self.value + sum(self.further)) / (1 + len(self.further))


class Searched(Strict):
    """The trials of one dataset, backbone and method, whether or not their search has ended."""

    dataset: str
    backbone: str
    method: str
    objective: str
    seeds: int = 1
    """Seeds of each finalist."""
    trials: tuple[Trial, ...]
    """All points, in the order in which they were drawn."""

    @property
    def finalists(self) -> tuple[Trial, ...]:
        """The trials that were trained with every seed."""
        return tuple(trial for trial in self.trials if trial.value is not None and 1 + len(trial.further) == self.seeds)

    @property
    def names(self) -> dict[str, str]:
        """Dataset, backbone and method."""
        return {"dataset": self.dataset, "backbone": self.backbone, "method": self.method}


class SearchResult(Searched):
    """A search that has ended."""

    settings: dict[str, Any]
    """The best point: path -> value, as in the recipe's search space."""
    value: float
    """Value of the objective, on the search holdout, at ``settings``: the mean over ``seeds``."""
    basis: str
    """sha256 of everything but the data that decides the search (:func:`ctrbench.planning.search_basis.basis`)."""
    fingerprint: str
    """Of what training reads of the prepared data, cohorts left out."""
    cohorts: tuple[str, ...] = ()
    """Those that the method of some trial reads while it trains."""
    cohort_fingerprint: str | None = None
    """The same with these cohorts; None without any."""


class BestSettings(Strict):
    """Results of searches, of one recipe or of all recipes."""

    recipe: str = ""
    """Name of the recipe; empty for the results of all recipes."""
    results: tuple[SearchResult, ...] = ()
    unfinished: tuple[Searched, ...] = ()
    """Rows whose search is under way or was interrupted, so that another machine may go on."""

    def entries(self, row: RowKey) -> list[SearchResult]:
        """All searches of a row, whatever their settings and data."""
        return [result for result in self.results if result.names == row.names]

    def trials_of(self, row: RowKey, objective: str) -> dict[str, Trial]:
        """Identity -> trial: what all searches of a row have measured, whatever their space and effort. Without the
        further values of trials that diverged with some seed."""
        found: dict[str, Trial] = {}
        for each in (*self.results, *self.unfinished):
            if (each.names, each.objective) != (row.names, objective):
                continue
            finalists = each.finalists
            for trial in each.trials:
                whole = trial in finalists
                known = found.get(trial.identity)
                if whole or not (known and known.further):
                    found[trial.identity] = trial if whole else trial.model_copy(update={"further": ()})
        return {identity: trial for identity, trial in found.items() if identity}

    def of(self, row: RowKey, basis: str, manifest: Manifest | None) -> SearchResult | None:
        """A row's search with this basis, on these data (None: on any); None where there is none."""
        for each in self.entries(row):
            if each.basis == basis and (
                not manifest or manifest.was_read(each.fingerprint, each.cohorts, each.cohort_fingerprint)
            ):
                return each
        return None


def best_settings_path(results: Path, recipe: str) -> Path:
    """The file of a recipe's best settings.

    Raises:
        CtrbenchError: the recipe's name cannot be part of a path.
    """
    return results / FOLDER / f"{check_name('recipe', recipe)}.toml"


def read_best_settings(results: Path) -> BestSettings:
    """The results of the searches of all recipes: recipes with the same settings and space share them.

    Raises:
        CtrbenchError: a file is damaged, or the folder cannot be read.
    """
    folder = results / FOLDER
    try:
        # Not a glob, which silently skips a folder that cannot be read.
        files = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise CtrbenchError(f"{folder}: cannot be read ({error.strerror}); pass another --results") from None
    found = [_read(path) for path in files if path.suffix == ".toml"]
    return BestSettings(
        results=tuple(itertools.chain(*(each.results for each in found))),
        unfinished=tuple(itertools.chain(*(each.unfinished for each in found))),
    )


def _read(path: Path) -> BestSettings:
    try:
        return BestSettings.read(read_toml(path), str(path))
    except CtrbenchError as error:
        raise CtrbenchError(f"{error}; remove it and run: {places.search_command(path.stem)}") from None


def write_best_settings(results: Path, best: BestSettings) -> None:
    """Writes a recipe's best settings whole; results for other rows, settings or data in its file are kept, and so are
    the unfinished searches of rows that are not in ``best``.

    Raises:
        CtrbenchError: the file is damaged, or the folder cannot be written.
    """
    path = best_settings_path(results, best.recipe)
    before = _read(path) if path.exists() else BestSettings()
    renewed = {_key(result) for result in best.results}
    kept = tuple(result for result in before.results if _key(result) not in renewed)
    rows = [each.names for each in (*best.results, *best.unfinished)]
    waiting = tuple(each for each in before.unfinished if each.names not in rows)
    whole = BestSettings(recipe=best.recipe, results=kept + best.results, unfinished=waiting + best.unfinished)
    document = whole.model_dump(mode="json", exclude_defaults=True)
    write_toml(path, document, places.search_command(best.recipe), option="--results")


def _key(result: SearchResult) -> tuple[str, ...]:
    return (*result.names.values(), result.basis, result.fingerprint, str(result.cohort_fingerprint))
