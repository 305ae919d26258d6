"""``ctrbench run``."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Device, Jobs, Names, Results, resolve_jobs, split_names
from ctrbench.cli.report import print_report
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.experiments.selection import Selected
    from ctrbench.experiments.status import Status


def run(
    recipe: Annotated[
        str | None, typer.Argument(help="Name or .toml file of a recipe or collection.", show_default=False)
    ] = None,
    *,
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    seeds: Annotated[int | None, typer.Option(help="Number of seeds (else the recipe's, else 5).")] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="PATH=VALUE", help="training.batch_size=2048, method.weight=0.05, ...")
    ] = [],  # noqa: B006
    jobs: Jobs = None,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what is done and what is left.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Repeat finished runs.")] = False,
    data: Data = None,
    results: Results = None,
) -> None:
    """Trains and measures every run of a recipe that has no record, then prints its table or figure."""
    # Before numpy and torch are imported: one thread per job.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ctrbench.experiments.collection import in_turn
    from ctrbench.experiments.selection import select
    from ctrbench.report.figures import needs_of
    from ctrbench.strict import parse_assignment

    overrides = dict(map(parse_assignment, set_))
    names = {"datasets": split_names(dataset), "backbones": split_names(backbone), "methods": split_names(method)}
    recipes = select(recipe, **names, seeds=seeds, overrides=overrides)
    workers = resolve_jobs(jobs, device)
    data, results = places.data_folder(data), places.results_folder(results)

    def one(chosen: "Selected") -> None:
        if len(recipes) > 1:
            typer.echo(f"{chosen.recipe.name}: {chosen.recipe.title}", err=not dry_run)
        if needs_of(chosen.recipe.figure) == "runs":
            _run(chosen, data=data, results=results, device=device, workers=workers, dry_run=dry_run, force=force)
        else:
            _measure(chosen, data=data, results=results, dry_run=dry_run)

    in_turn([(each.recipe.name, each) for each in recipes], one)


def _run(
    asked: "Selected", *, data: Path, results: Path, device: str, workers: int, dry_run: bool, force: bool
) -> None:
    from rich.console import Console

    from ctrbench.cli.progress import Display
    from ctrbench.experiments.execute import Site, execute, failure_line
    from ctrbench.experiments.found import read_found
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.plan import make_plan
    from ctrbench.experiments.recipe import write_recipe
    from ctrbench.experiments.status import status

    chosen, ledger = asked.recipe, Ledger(results)
    plan = make_plan(chosen, data=data, found=read_found(results))
    standing = status(plan, ledger)
    _print_plan(standing, every_row=dry_run)
    if dry_run:
        return
    from ctrbench.experiments.references import measure_references
    from ctrbench.experiments.single import execute_run

    ledger.require_writable()
    write_recipe(chosen, results / "last.toml")
    for planned in plan.runs if force else ():
        ledger.discard(planned.identity)
    site = Site(ledger, execute_run, data, device)
    with Display(ledger, workers, Console(stderr=True)) as display:
        display.add(plan.runs)
        outcomes = execute(plan.runs, site, jobs=workers, on_outcome=display.ended)
    measure_references(plan.manifests, plan.runs[0].config.data.label, ledger=ledger, data=data)
    if any(ledger.finished(planned.identity) for planned in plan.runs):
        print_report(chosen, results=results, data=data, draw=asked.as_filed)
    if failed := failure_line(outcomes):
        raise CtrbenchError(failed)


def _measure(asked: "Selected", *, data: Path, results: Path, dry_run: bool) -> None:
    """For a recipe that needs no run: measures the data if it needs that, and shows them."""
    from ctrbench.data.settings import DataSettings
    from ctrbench.experiments.cell import CATALOGUE
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.plan import read_manifests
    from ctrbench.experiments.recipe import write_recipe
    from ctrbench.experiments.references import measure_references
    from ctrbench.report.figures import needs_of

    chosen = asked.recipe
    manifests = read_manifests(chosen, data, CATALOGUE) if needs_of(chosen.figure) == "references" else {}
    typer.echo("0 runs: nothing is trained for this", err=not dry_run)
    if dry_run:
        return
    ledger = Ledger(results)
    ledger.require_writable()
    write_recipe(chosen, results / "last.toml")
    label = DataSettings.read(chosen.data, f"{chosen.name}: data").label
    measure_references(manifests, label, ledger=ledger, data=data)
    print_report(chosen, results=results, data=data, draw=asked.as_filed)


def _print_plan(standing: "Status", *, every_row: bool) -> None:
    """Printed to standard error, so that standard output holds the table alone, but for a dry run."""
    from ctrbench.experiments.status import aside_line

    def say(line: str) -> None:
        typer.echo(line, err=not every_row)

    say(f"{len(standing.done) + len(standing.left)} runs: {len(standing.done)} done, {len(standing.left)} left")
    for name, runs in (("done", standing.done), ("left", standing.left)) if every_row else ():
        rows: dict[str, list[str]] = {}
        for planned in runs:
            rows.setdefault(str(planned.cell), []).append(str(planned.config.seed))
        for row, numbers in rows.items():
            say(f"  {name}: {row} seed {' '.join(numbers)}")
    for planned, cause in standing.failed:
        say(f"  failed before: {planned.cell} seed {planned.config.seed}: {cause}")
    for refused, reason in standing.refused.items():
        say(f"  refused: {refused}: {reason}")
    if standing.aside:
        say(f"  {aside_line(standing.aside)}")
