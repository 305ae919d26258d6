"""A baseline and some axes -> the discovery of each axis."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ctrbench.cohorts.axis import read_axis
from ctrbench.cohorts.baseline import baseline_job, judged_rows
from ctrbench.cohorts.discover import Discovery, Options, discover
from ctrbench.data.prepared import Prepared
from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import Outcome, RunContext
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.best_settings import BestSettings


def find_cohorts(
    recipe: Recipe,
    axes: Sequence[str],
    options: Options,
    context: RunContext,
    *,
    data: Path,
    best: BestSettings,
    on_job: Callable[[str], None],
    on_outcome: Callable[[Outcome], None],
) -> Iterator[Discovery]:
    """Trains the baseline of a recipe's one row, unless its predictions are here, and yields each axis's discovery.

    Every axis is read before anything is trained.

    Args:
        recipe: has one dataset and one backbone.
        axes: expressions.
        options: of the comparison.
        context: runs the job, and stores its predictions.
        data: folder of the prepared data.
        best: results of all searches.
        on_job: called with the name of the baseline before it is trained or read.
        on_outcome: called when it has been trained.

    Raises:
        CtrbenchError: an axis is not there or has one group, the dataset is not prepared, a search is missing, the
            training failed, or no two cohorts are large enough.
    """
    (dataset,), (backbone,) = recipe.datasets, recipe.backbones
    if len(recipe.variants) > 0:
        raise CtrbenchError(f"{recipe.name}: it has variants, so that it has no single baseline; name another --recipe")
    job = baseline_job(recipe, RowKey(dataset, backbone, recipe.base), data=data, best=best, context=context)
    prepared = Prepared.read(data / dataset)
    read = [read_axis(expression, prepared) for expression in axes]
    on_job(str(job))
    for axis in read:
        judged = judged_rows(job, axis, prepared, context, on_outcome=on_outcome)
        yield discover(judged, axis, prepared.manifest, options)
