"""``ctrbench search``."""

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Device, Jobs, Kernels, Names, Results, resolve_jobs, split_names
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.execution.run import RunJob
    from ctrbench.recipe.query import RecipeMatch
    from ctrbench.recipe.recipe import Recipe
    from ctrbench.store.best_settings import Searched, SearchResult


def search(
    recipe: Annotated[
        str,
        typer.Argument(
            help="Name or .toml file of a recipe with a [search] section, or of a collection with such recipes."
        ),
    ],
    *,
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    jobs: Jobs = None,
    device: Device = "auto",
    kernels: Kernels = "auto",
    data: Data = None,
    results: Results = None,
) -> None:
    """Searches a recipe's settings on rows held out from training, with the same number of trials for every method
    unless the recipe says otherwise.

    A search that another recipe made with the same settings, space and data is not repeated, and
    neither is a trial of a search with another space or number of trials.
    """
    # Before numpy and torch are imported: one thread per job.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ctrbench.backbones.kernels import check_kernels
    from ctrbench.execution.run import RunJob, resolve_device
    from ctrbench.recipe.collection import for_each_recipe
    from ctrbench.recipe.query import find_recipes
    from ctrbench.report.views import needs_of

    datasets, backbones, methods = split_names(dataset), split_names(backbone), split_names(method)
    named = find_recipes(recipe, datasets=datasets, backbones=backbones, methods=methods)
    searched = [match for match in named if match.recipe.search and needs_of(match.recipe) == "runs"]
    if not searched:
        raise CtrbenchError(
            f"{recipe}: nothing to search: no recipe with jobs has a [search]; run: ctrbench run {shlex.quote(recipe)}"
        )
    workers = resolve_jobs(jobs, device)
    check_kernels(kernels, resolve_device(device))

    def one(match: "RecipeMatch") -> None:
        if len(named) > 1:
            typer.echo(f"{match.recipe.name}: {match.recipe.title}", err=True)
        end = _search(
            match.recipe,
            places.data_folder(data),
            places.results_folder(results),
            work=RunJob(device, kernels),
            workers=workers,
        )
        typer.echo(f"{end}; next: {match.recipe.command('run')}")

    for_each_recipe([(match.recipe.name, match) for match in searched], one)


def _search(recipe: "Recipe", data: Path, results: Path, *, work: "RunJob", workers: int) -> str:
    """Searches the rows that no earlier search covers, prints the best settings and stores them.

    Returns:
        A sentence that says where the settings are stored, or that nothing was left to search.
    """
    from rich.console import Console

    from ctrbench.cli.progress import Display
    from ctrbench.execution.drive import RunContext
    from ctrbench.execution.local import LocalExecutor
    from ctrbench.planning.registries import REGISTRIES
    from ctrbench.store.best_settings import BestSettings, best_settings_path, read_best_settings, write_best_settings
    from ctrbench.store.store import Store
    from ctrbench.tuning.search import search as search_settings

    known, store = read_best_settings(results), Store.of_searches(results)
    executor = LocalExecutor(data, jobs=workers)
    context = RunContext(store, executor, work, REGISTRIES.defaults())

    def keep(trials: "Searched") -> None:
        write_best_settings(results, BestSettings(recipe=recipe.name, unfinished=(trials,)))

    try:
        with Display(store, workers, Console(stderr=True)) as display:
            found = search_settings(
                recipe,
                context,
                data=data,
                known=known,
                on_outcome=display.ended,
                on_round=display.add,
                on_trials=keep,
            )
    finally:
        executor.close()
    fresh = tuple(result for result in found.best.results if result not in known.results)
    if fresh:
        write_best_settings(results, BestSettings(recipe=recipe.name, results=fresh))
        for result in found.best.results:
            typer.echo(_line(result))
    for row, reason in found.refused.items():
        typer.echo(f"refused: {row}: {reason}", err=True)
    if found.hopeless:
        names = ", ".join(map(str, found.hopeless))
        raise CtrbenchError(f"{names}: every trial diverged; narrow the [search.space] of {recipe.name}")
    if not fresh:
        return f"{recipe.name}: nothing is left to search, every row has its best settings"
    return f"written to {best_settings_path(results, recipe.name)}"


def _line(result: "SearchResult") -> str:
    settings = ", ".join(f"{path} = {value}" for path, value in result.settings.items()) or "nothing to choose"
    effort = f"{len(result.trials)} trials"
    if result.seeds > 1:
        effort += f", the best {len(result.finalists)} with {result.seeds} seeds"
    return f"{' '.join(result.names.values())}: {settings} ({result.objective} {result.value:.5f}; {effort})"
