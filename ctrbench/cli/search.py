"""``ctrbench search``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Device, Jobs, Names, Results, resolve_jobs, split_names
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.experiments.execute import Site
    from ctrbench.experiments.found import FoundSettings
    from ctrbench.experiments.recipe import Recipe
    from ctrbench.experiments.selection import Selected


def search(
    recipe: Annotated[
        str,
        typer.Argument(
            help="Name or .toml file of a recipe that says what to search, or of a collection with such recipes."
        ),
    ],
    *,
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    jobs: Jobs = None,
    device: Device = "auto",
    data: Data = None,
    results: Results = None,
) -> None:
    """Searches a recipe's settings on rows set aside from training, with the same number of trials for every method.

    Settings that another recipe's search found with all else alike are not searched again.
    """
    # Before numpy and torch are imported: one thread per job.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ctrbench.experiments.collection import in_turn
    from ctrbench.experiments.execute import Site
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.selection import select
    from ctrbench.experiments.single import execute_run
    from ctrbench.report.figures import needs_of

    datasets, backbones, methods = split_names(dataset), split_names(backbone), split_names(method)
    named = select(recipe, datasets=datasets, backbones=backbones, methods=methods)
    searched = [each for each in named if each.recipe.search and needs_of(each.recipe.figure) == "runs"]
    if not searched:
        raise CtrbenchError(
            f"{recipe}: nothing to search, no [search] of settings for runs; run: ctrbench run {recipe}"
        )
    results = places.results_folder(results)
    site = Site(Ledger(results / "searches"), execute_run, places.data_folder(data), device)
    workers = resolve_jobs(jobs, device)
    chosen_names = {"--dataset": datasets, "--backbone": backbones, "--method": methods}
    options = [f"{option} {','.join(names)}" for option, names in chosen_names.items() if names]

    def one(chosen: "Selected") -> None:
        if len(named) > 1:
            typer.echo(f"{chosen.recipe.name}: {chosen.recipe.title}", err=True)
        next_step = " ".join(["ctrbench run", str(chosen.argument), *options])
        typer.echo(f"{_search(chosen.recipe, site, results, workers)}; next: {next_step}")

    in_turn([(each.recipe.name, each) for each in searched], one)


def _search(chosen: "Recipe", site: "Site", results: Path, workers: int) -> str:
    """Searches what no recipe has found yet, prints and files it.

    Returns:
        Where it lies, or that nothing was left, in words.
    """
    from rich.console import Console

    from ctrbench.cli.progress import Display
    from ctrbench.experiments.found import Found, found_path, read_found, write_found
    from ctrbench.experiments.search import search as search_settings

    known = read_found(results)
    with Display(site.ledger, workers, Console(stderr=True)) as display:
        found, hopeless = search_settings(
            chosen, site, known=known, jobs=workers, on_outcome=display.ended, on_round=display.add
        )
    fresh = tuple(best for best in found.found if best not in known.found)
    if fresh:
        write_found(results, Found(recipe=found.recipe, found=fresh))
        for best in found.found:
            typer.echo(_line(best))
    if hopeless:
        names = ", ".join(map(str, hopeless))
        raise CtrbenchError(f"{names}: every trial diverged; narrow the [search.space] of {chosen.name}")
    if not fresh:
        return f"{chosen.name}: nothing is left to search, all of its settings are found"
    return f"written to {found_path(results, found.recipe)}"


def _line(best: "FoundSettings") -> str:
    settings = ", ".join(f"{path} = {value}" for path, value in best.settings.items()) or "nothing to choose"
    given_up = sum(trial.state == "given up" for trial in best.trials)
    trials = f"{len(best.trials)} trials, {given_up} of them given up early"
    return f"{best.dataset} {best.backbone} {best.method}: {settings} ({best.objective} {best.value:.5f}; {trials})"
