"""The model whose predictions tell the cohorts apart: one run of the base, judged on the search holdout."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ctrbench.cohorts.axis import Axis
from ctrbench.cohorts.discover import Judged
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import NUMBERS, Source, Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import Outcome, RunContext, drive
from ctrbench.planning.plan import Job, make_job, read_manifests
from ctrbench.planning.registries import REGISTRIES
from ctrbench.planning.search_basis import best_settings_of
from ctrbench.planning.settings import build_config
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import BestSettings

SOURCES: tuple[Source, ...] = ("user", "item", "row")


def baseline_job(recipe: Recipe, row: RowKey, *, data: Path, best: BestSettings, context: RunContext) -> Job:
    """The job of a row's base with seed 0 and the best settings of the recipe's search, judged on the search holdout.

    Raises:
        CtrbenchError: the dataset is unknown or not prepared, a setting or the backbone is unknown, or the search is
            missing.
    """
    manifest = read_manifests(recipe, data, REGISTRIES, context.defaults)[row.dataset]
    settings = best_settings_of(recipe, row, best, context.defaults, manifest=manifest)
    config = build_config(recipe, row, 0, settings, context.defaults, judged_on="search_holdout")
    return make_job(config, row, manifest, REGISTRIES, context.defaults)


def judged_rows(
    job: Job, axis: Axis, prepared: Prepared, context: RunContext, *, on_outcome: Callable[[Outcome], None]
) -> Judged:
    """The search holdout with the predictions of a job, which is trained unless its predictions are here already.

    Raises:
        CtrbenchError: the training failed.
    """
    work = context.store.work
    if work.read_predictions(job.identity) is None:
        with work.claim(job.identity) as claimed:
            if claimed and context.store.finished(job.identity, job.names):
                work.discard(job.identity)  # a record without predictions
        outcomes = drive([job], context, on_outcome=on_outcome)
        if failed := [outcome for outcome in outcomes if outcome.status == "failed"]:
            raise CtrbenchError(f"{job}: {failed[0].cause}")
    table = work.read_predictions(job.identity)
    assert table is not None
    return judged(job.config.data, axis, prepared, table["row"].to_numpy(), table.column(1).to_numpy())


def judged(settings: DataSettings, axis: Axis, prepared: Prepared, rows: np.ndarray, predictions: np.ndarray) -> Judged:
    """The search holdout as discovery reads it, with the predictions (E,) of its main task in their stored order.

    Raises:
        CtrbenchError: the predictions are of other rows.
    """
    hashes = [name for name in NUMBERS if name.startswith("random_")]
    feed = Feed(prepared, settings, search_holdout=True, cohorts=(*axis.columns, *hashes))
    examples = feed.split(Split.VALIDATION)
    if not np.array_equal(examples.rows.cpu().numpy(), rows):
        raise CtrbenchError(f"{prepared.manifest.name}: the stored predictions are of other rows; remove them")
    values = feed.cohort_codes(examples).cpu().numpy()
    units = {"user": prepared.rows["user"][examples.rows], "item": examples.items}
    observed = slice(None) if examples.observed is None else examples.observed[:, 0].cpu().numpy()
    return Judged(
        predictions=predictions[observed],
        labels=examples.labels[:, 0].cpu().numpy()[observed] == 1,
        factors=axis.factor_codes(values[:, : len(axis.columns)])[observed],
        units={source: unit.cpu().numpy().astype(np.int64)[observed] for source, unit in units.items()},
        hashes={
            source: values[:, len(axis.columns) + hashes.index(f"random_{source}")].astype(np.int64)[observed]
            for source in SOURCES
        },
    )
