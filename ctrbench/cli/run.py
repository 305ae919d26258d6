"""``ctrbench run``."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Cluster, Data, Device, Jobs, Kernels, Names, Results, resolve_jobs, split_names
from ctrbench.cli.report import LAST, print_report

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctrbench.data.schema import Manifest
    from ctrbench.execution.drive import Outcome
    from ctrbench.execution.handover import Executor
    from ctrbench.planning.plan import Plan
    from ctrbench.planning.status import Status
    from ctrbench.recipe.query import RecipeMatch
    from ctrbench.recipe.recipe import Recipe
    from ctrbench.store.store import Store


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
    kernels: Kernels = "auto",
    cluster: Cluster = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what is done and what is left.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Repeat finished jobs.")] = False,
    data: Data = None,
    results: Results = None,
) -> None:
    """Trains and measures every job of a recipe that has no record, then prints its report."""
    # Before numpy and torch are imported: one thread per job.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from ctrbench.recipe.collection import for_each_recipe
    from ctrbench.recipe.query import RecipeQuery
    from ctrbench.strict import parse_assignment

    query = RecipeQuery(
        name=recipe,
        datasets=tuple(split_names(dataset)),
        backbones=tuple(split_names(backbone)),
        methods=tuple(split_names(method)),
        seeds=seeds,
        overrides=dict(map(parse_assignment, set_)),
    )
    matches = query.matches()
    place = _Place(places.data_folder(data), places.results_folder(results), device, kernels, cluster, jobs)
    place.check()

    def one(match: "RecipeMatch") -> None:
        if len(matches) > 1:
            typer.echo(f"{match.recipe.name}: {match.recipe.title}", err=not dry_run)
        task = _task(match.recipe, place, dry_run=dry_run)
        if not dry_run:
            task.store.work.require_writable()
            query.save(place.results / LAST)
            _run(match, task, place, force=force)

    for_each_recipe([(match.recipe.name, match) for match in matches], one)


@dataclass(frozen=True)
class _Place:
    """Where a command reads, writes and computes."""

    data: Path
    results: Path
    device: str
    kernels: str
    cluster: str | None
    jobs: int | None

    def check(self) -> None:
        """Checks that jobs can use the device and the kernels; each node of a cluster looks for numba itself.

        Raises:
            CtrbenchError: the device or the kernels are unknown or absent, or a cluster does not support the device.
        """
        from ctrbench.backbones.kernels import check_kernels
        from ctrbench.errors import CtrbenchError
        from ctrbench.execution.run import resolve_device

        if self.cluster and self.device == "cuda":
            raise CtrbenchError("--device cuda: on a cluster jobs train on CPUs; leave out --device or --cluster")
        device = resolve_device(self.device)
        if not (self.cluster and self.kernels == "fused"):
            check_kernels(self.kernels, device)

    def executor(self) -> "Executor":
        """The local executor, or the executor on a Ray cluster."""
        if self.cluster:
            from ctrbench.execution.cluster import RayExecutor

            return RayExecutor(self.cluster, self.data, jobs=self.jobs)
        from ctrbench.execution.local import LocalExecutor

        return LocalExecutor(self.data, jobs=resolve_jobs(self.jobs, self.device))


@dataclass(frozen=True)
class _Task:
    """What running a recipe involves: jobs, datasets with reference rows, or neither."""

    store: "Store"
    plan: "Plan | None"
    manifests: "Mapping[str, Manifest]"
    columns: tuple[str, ...]
    """Column expressions that the recipe's views cut by."""


def _task(recipe: "Recipe", place: _Place, *, dry_run: bool) -> _Task:
    """Plans a recipe, and prints what is done and what is left."""
    from ctrbench.planning.plan import make_plan, read_manifests, with_worlds
    from ctrbench.planning.registries import REGISTRIES
    from ctrbench.planning.status import status
    from ctrbench.report.views import needs_of
    from ctrbench.store.best_settings import read_best_settings
    from ctrbench.store.store import Store

    store, needs = Store.of(place.results), needs_of(recipe)
    if needs == "runs":
        plan = make_plan(recipe, data=place.data, best=read_best_settings(place.results))
        _print_plan(status(plan, store), every_row=dry_run)
        return _Task(store, plan, plan.manifests, recipe.columns)
    manifests = {}
    if needs == "references":
        first = read_manifests(recipe, place.data, REGISTRIES, REGISTRIES.defaults())
        manifests = with_worlds(recipe, first, data=place.data)
    typer.echo("0 jobs: nothing is trained for this", err=not dry_run)
    return _Task(store, None, manifests, recipe.columns)


def _run(match: "RecipeMatch", task: _Task, place: _Place, *, force: bool) -> None:
    """Runs the jobs without a record, and prints the report.

    Raises:
        CtrbenchError: a job failed; the other jobs were run all the same.
    """
    from ctrbench.data.settings import DataSettings
    from ctrbench.errors import CtrbenchError
    from ctrbench.execution.drive import failure_line
    from ctrbench.measure.references import measure_references

    outcomes = _drive(task, place, force=force) if task.plan else []
    jobs = task.plan.jobs if task.plan else ()
    for name, manifest in task.manifests.items():
        of_jobs = [job.config.data for job in jobs if job.config.dataset == name]
        wanted = of_jobs or [DataSettings.read(match.recipe.data, f"{match.recipe.name}: data")]
        measure_references(manifest, wanted, store=task.store, data=place.data, expressions=task.columns)
    if not jobs or any(task.store.finished(job.identity, job.names) for job in jobs):
        print_report(match, results=place.results, data=place.data)
    if failed := failure_line(outcomes):
        raise CtrbenchError(failed)
    if outcomes and task.store.archive.folder.is_dir():
        typer.echo("to commit these records: ctrbench results pack", err=True)


def _drive(task: _Task, place: _Place, *, force: bool) -> "list[Outcome]":
    from rich.console import Console

    from ctrbench.cli.progress import Display
    from ctrbench.execution.drive import RunContext, drive
    from ctrbench.execution.run import RunJob
    from ctrbench.planning.registries import REGISTRIES

    assert task.plan
    for job in task.plan.jobs if force else ():
        task.store.discard(job.identity, job.names)
    executor = place.executor()
    try:
        with Display(task.store, max(executor.workers, 1), Console(stderr=True)) as display:
            display.add(task.plan.jobs)
            context = RunContext(
                task.store, executor, RunJob(place.device, place.kernels), REGISTRIES.defaults(), task.columns
            )
            return drive(task.plan.jobs, context, on_outcome=display.ended)
    finally:
        executor.close()


def _print_plan(standing: "Status", *, every_row: bool) -> None:
    """Prints to standard error, so that standard output holds only the report; a dry run prints to standard output."""
    from ctrbench.planning.status import stale_line

    def say(line: str) -> None:
        typer.echo(line, err=not every_row)

    say(f"{len(standing.done) + len(standing.left)} jobs: {len(standing.done)} done, {len(standing.left)} left")
    for name, jobs in (("done", standing.done), ("left", standing.left)) if every_row else ():
        rows: dict[str, list[str]] = {}
        for job in jobs:
            rows.setdefault(str(job.row), []).append(str(job.config.seed))
        for row, numbers in rows.items():
            say(f"  {name}: {row} seed {' '.join(numbers)}")
    for job, cause in standing.failed:
        say(f"  failed before: {job}: {cause}")
    for refused, reason in standing.refused.items():
        say(f"  refused: {refused}: {reason}")
    if standing.stale:
        say(f"  {stale_line(standing.stale)}")
