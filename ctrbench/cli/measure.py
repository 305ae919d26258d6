"""``ctrbench measure``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import By, Data, Names, Results, split_names
from ctrbench.cli.report import query_of
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.recipe.query import RecipeMatch
    from ctrbench.store.record import Record

NAMED = 6
"""Most jobs without predictions that an error names one by one."""


def measure(
    recipe: Annotated[
        str | None,
        typer.Argument(
            help="Name or .toml file of a recipe or collection (else what was run last).", show_default=False
        ),
    ] = None,
    *,
    by: By = [],  # noqa: B006
    metric: Annotated[list[str], Names] = [],  # noqa: B006
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    data: Data = None,
    results: Results = None,
) -> None:
    """Measures a recipe's finished jobs again from stored predictions: a new cohort, cut or metric costs no training.

    Measures all registered metrics, or those that --metric names.
    """
    from ctrbench.metrics import METRICS
    from ctrbench.names import ALL
    from ctrbench.recipe.collection import for_each_recipe
    from ctrbench.report.views import needs_of

    metrics = [] if ALL in (named := split_names(metric)) else named
    for name in metrics:
        METRICS.get(name)
    results = places.results_folder(results)
    query = query_of(recipe, results, datasets=dataset, backbones=backbone, methods=method)
    matches = [match for match in query.matches() if needs_of(match.recipe) == "runs"]
    if not matches:
        command = f"ctrbench run {shlex.quote(str(query.name))}"
        raise CtrbenchError(f"{query.name}: the recipe has no jobs to measure again; to measure its data: {command}")

    def one(match: "RecipeMatch") -> None:
        _measure(
            match,
            data=places.data_folder(data),
            results=results,
            columns=tuple(by),
            metrics=metrics or None,
        )

    for_each_recipe([(match.recipe.name, match) for match in matches], one)


def _measure(
    match: "RecipeMatch", *, data: Path, results: Path, columns: tuple[str, ...], metrics: list[str] | None
) -> None:
    """Measures one recipe.

    Raises:
        CtrbenchError: no job is finished, or some jobs have no predictions here.
    """
    from ctrbench.data.schema import read_manifest
    from ctrbench.measure.again import measure_again
    from ctrbench.measure.references import measure_references
    from ctrbench.report.select import select_rows

    recipe, command = match.recipe, match.recipe.command("run")
    columns = tuple(dict.fromkeys([*columns, *recipe.columns]))
    selected = select_rows(recipe, results, data)
    records = {row.record.identity: row.record for row in selected.rows}
    if not records:
        raise CtrbenchError(f"{recipe.name}: no finished job yet; start with {command}")
    store = selected.store
    assert store
    found = measure_again(records.values(), store=store, data=data, expressions=columns, metrics=metrics)
    for name in dict.fromkeys(record.dataset for record in found.measured):
        wanted = [record.config.data for record in found.measured if record.dataset == name]
        measure_references(read_manifest(data / name), wanted, store=store, data=data, expressions=columns)
    typer.echo(f"{recipe.name}: {len(found.measured)} of {len(records)} jobs measured again")
    if found.without_predictions:
        lacking = _named(found.without_predictions)
        raise CtrbenchError(f"{recipe.name}: no predictions here for {lacking}; train them again: {command} --force")


def _named(records: "tuple[Record, ...]") -> str:
    names = [f"{r.dataset} {r.backbone} {r.method} seed {r.seed} ({r.identity[:12]})" for r in records]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{len(names)} job{'s' if len(names) > 1 else ''}: {'; '.join(names[:NAMED])}{more}"
