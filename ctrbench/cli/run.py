"""``ctrbench run``."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Device, Jobs, Names, Results, resolve_jobs, split_names
from ctrbench.cli.report import LAST, print_report
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctrbench.data.schema import Manifest
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.plan import Run
    from ctrbench.experiments.recipe import Recipe
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
    from ctrbench.experiments.selection import Asked
    from ctrbench.strict import parse_assignment

    asked = Asked(
        name=recipe,
        datasets=tuple(split_names(dataset)),
        backbones=tuple(split_names(backbone)),
        methods=tuple(split_names(method)),
        seeds=seeds,
        overrides=dict(map(parse_assignment, set_)),
    )
    recipes = asked.recipes()
    workers = resolve_jobs(jobs, device)
    data, results = places.data_folder(data), places.results_folder(results)

    def one(chosen: "Selected") -> None:
        if len(recipes) > 1:
            typer.echo(f"{chosen.recipe.name}: {chosen.recipe.title}", err=not dry_run)
        task = _task(chosen.recipe, data, results, dry_run=dry_run)
        if not dry_run:
            task.ledger.require_writable()
            asked.keep(results / LAST)
            _make(chosen, task, device=device, workers=workers, force=force)

    in_turn([(each.recipe.name, each) for each in recipes], one)


@dataclass(frozen=True)
class _Task:
    """What a recipe asks for: runs, the datasets whose reference rows stand beside them, or neither."""

    data: Path
    ledger: "Ledger"
    runs: "Sequence[Run]"
    manifests: "Mapping[str, Manifest]"
    label: str
    """Of the reference rows."""


def _task(recipe: "Recipe", data: Path, results: Path, *, dry_run: bool) -> _Task:
    """Plans a recipe, and says what is done and what is left."""
    from ctrbench.data.settings import DataSettings
    from ctrbench.experiments.cell import CATALOGUE
    from ctrbench.experiments.found import read_found
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.plan import make_plan, read_manifests
    from ctrbench.experiments.status import status
    from ctrbench.report.figures import needs_of

    ledger, needs = Ledger(results), needs_of(recipe.figure)
    if needs == "runs":
        plan = make_plan(recipe, data=data, found=read_found(results))
        _print_plan(status(plan, ledger), every_row=dry_run)
        return _Task(data, ledger, plan.runs, plan.manifests, plan.runs[0].config.data.tasks[0])
    manifests = read_manifests(recipe, data, CATALOGUE) if needs == "references" else {}
    typer.echo("0 runs: nothing is trained for this", err=not dry_run)
    return _Task(data, ledger, (), manifests, DataSettings.read(recipe.data, f"{recipe.name}: data").tasks[0])


def _make(chosen: "Selected", task: _Task, *, device: str, workers: int, force: bool) -> None:
    """Makes what has no record, and prints the report.

    Raises:
        CtrbenchError: a run failed; the others went on.
    """
    from rich.console import Console

    from ctrbench.cli.progress import Display
    from ctrbench.experiments.execute import Site, execute, failure_line
    from ctrbench.experiments.references import measure_references
    from ctrbench.experiments.single import execute_run

    ledger = task.ledger
    for planned in task.runs if force else ():
        ledger.discard(planned.identity)
    with Display(ledger, workers, Console(stderr=True)) as display:
        display.add(task.runs)
        site = Site(ledger, execute_run, task.data, device)
        outcomes = execute(task.runs, site, jobs=workers, on_outcome=display.ended)
    measure_references(task.manifests, task.label, ledger=ledger, data=task.data)
    if not task.runs or any(ledger.finished(planned.identity) for planned in task.runs):
        print_report(chosen.recipe, results=ledger.results, data=task.data, as_filed=chosen.as_filed)
    if failed := failure_line(outcomes):
        raise CtrbenchError(failed)


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
