"""``ctrbench search``."""

import os
from typing import Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Device, Jobs, Names, Results, resolve_jobs, split_names


def search(
    recipe: Annotated[str, typer.Argument(help="Name or .toml file of a recipe with a [search].")],
    *,
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    jobs: Jobs = None,
    device: Device = "auto",
    data: Data = None,
    results: Results = None,
) -> None:
    """Searches a recipe's settings on rows set aside from training, with the same number of trials for every method."""
    # Before numpy and torch are imported: one thread per job.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from rich.console import Console

    from ctrbench.cli.progress import Display
    from ctrbench.experiments.execute import Site
    from ctrbench.experiments.found import found_path, read_found, write_found
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.search import search as search_settings
    from ctrbench.experiments.selection import select
    from ctrbench.experiments.single import execute_run

    chosen = select(recipe, datasets=split_names(dataset), backbones=split_names(backbone), methods=split_names(method))
    results = places.results_folder(results)
    site = Site(Ledger(results / "searches"), execute_run, places.data_folder(data), device)
    workers = resolve_jobs(jobs, device)
    with Display(site.ledger, workers, Console(stderr=True)) as display:
        found = search_settings(
            chosen,
            site,
            known=read_found(results),
            jobs=workers,
            on_outcome=display.ended,
            on_round=display.add,
        )
    write_found(results, found)
    for best in found.found:
        settings = ", ".join(f"{path} = {value}" for path, value in best.settings.items()) or "nothing to choose"
        row = f"{best.dataset} {best.backbone} {best.method}"
        given_up = sum(trial.state == "given up" for trial in best.trials)
        trials = f"{len(best.trials)} trials, {given_up} of them given up early"
        typer.echo(f"{row}: {settings} ({best.objective} {best.value:.5f}; {trials})")
    typer.echo(f"written to {found_path(results, found.recipe)}; next: ctrbench run {recipe}")
