"""``ctrbench cohorts``."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Device, Kernels, Results
from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.cohorts.discover import Discovery
    from ctrbench.execution.drive import Outcome
    from ctrbench.recipe.recipe import Recipe


def cohorts(
    dataset: Annotated[str, typer.Argument(help="Name of a prepared dataset.")],
    *,
    axis: Annotated[
        list[str],
        typer.Option(
            metavar="AXIS",
            help="Repeatable: a cohort column, COLUMN/BUCKETS for quantiles of the training rows, or COLUMN*COLUMN.",
        ),
    ],
    recipe: Annotated[
        str | None,
        typer.Option(help="The baseline is this recipe's base, with what its search found.", show_default=False),
    ] = None,
    backbone: Annotated[
        str | None, typer.Option(help="Backbone of the baseline (else the recipe's, else din).", show_default=False)
    ] = None,
    set_: Annotated[
        list[str], typer.Option("--set", metavar="PATH=VALUE", help="A setting of the baseline, such as data.fields.")
    ] = [],  # noqa: B006
    divergence: Annotated[str, typer.Option(metavar="js|kl|wasserstein|cosine", help="How to compare.")] = "js",
    bins: Annotated[int, typer.Option(min=2, max=10_000, help="Bins of the log predictions.")] = 50,
    least_share: Annotated[float, typer.Option(min=0, max=0.5, help="Least share of the rows in a cohort.")] = 0.02,
    shuffles: Annotated[int, typer.Option(min=1, max=100_000, help="Shuffles of the null.")] = 200,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Writes the pairs, for a recipe.", show_default=False)
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draws divergences and predictions of one axis.", show_default=False),
    ] = None,
    device: Device = "auto",
    kernels: Kernels = "auto",
    data: Data = None,
    results: Results = None,
) -> None:
    """Finds the cohorts that a trained baseline treats most differently, for C2AL.

    The baseline is trained on the training rows without the search holdout, and compared on the latter; validation and
    test rows are not read. A baseline that was trained before is not trained again.
    """
    # Before numpy and torch are imported: one thread.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from rich.console import Console

    from ctrbench.backbones.kernels import check_kernels
    from ctrbench.cohorts.discover import Options
    from ctrbench.cohorts.divergence import DIVERGENCES
    from ctrbench.cohorts.find import find_cohorts
    from ctrbench.cohorts.show import ending_of, sentences, tables
    from ctrbench.execution.drive import RunContext
    from ctrbench.execution.local import LocalExecutor
    from ctrbench.execution.run import RunJob, resolve_device
    from ctrbench.planning.registries import REGISTRIES
    from ctrbench.registry import unknown
    from ctrbench.store.best_settings import read_best_settings
    from ctrbench.store.store import Store

    if divergence not in DIVERGENCES:
        raise CtrbenchError(f"--divergence: {unknown('divergence', divergence, DIVERGENCES)}")
    if figure and len(axis) > 1:
        raise CtrbenchError("--figure draws one axis; name one --axis")
    if figure:
        ending_of(figure)
    check_kernels(kernels, resolve_device(device))
    baseline = _baseline(recipe, dataset, backbone, set_)
    data, results = places.data_folder(data), places.results_folder(results)
    executor = LocalExecutor(data, jobs=1)
    context = RunContext(Store.of_searches(results), executor, RunJob(device, kernels), REGISTRIES.defaults())
    options = Options(divergence, bins, least_share, shuffles)  # type: ignore[arg-type]
    console = Console()
    try:
        for found in find_cohorts(
            baseline,
            axis,
            options,
            context,
            data=data,
            best=read_best_settings(results),
            on_job=lambda name: typer.echo(f"baseline: {name}, judged on the search holdout", err=True),
            on_outcome=_say_trained,
        ):
            for table in tables(found):
                console.print(table)
            for sentence in sentences(found, shuffles):
                console.print(sentence, highlight=False, markup=False)
            named = {"--recipe": recipe, "--backbone": backbone}
            chosen = [word for option, value in named.items() if value for word in (option, value)]
            _write(found, output, figure, [*chosen, *(word for each in set_ for word in ("--set", each))])
    finally:
        executor.close()


def _baseline(recipe: str | None, dataset: str, backbone: str | None, set_: list[str]) -> "Recipe":
    """A recipe with one dataset and one backbone, and the base alone."""
    from ctrbench.recipe.query import find_recipes
    from ctrbench.strict import parse_assignment

    matches = find_recipes(
        recipe,
        datasets=[dataset],
        backbones=[backbone] if backbone else [] if recipe else ["din"],
        methods=["plain"],
        overrides=dict(map(parse_assignment, set_)),
    )
    if len(matches) > 1:
        raise CtrbenchError(f"--recipe {recipe}: a collection; name one of its recipes")
    found = matches[0].recipe
    if len(found.backbones) > 1:
        raise CtrbenchError(f"--recipe {recipe}: {', '.join(found.backbones)}; name one with --backbone")
    return found


def _say_trained(outcome: "Outcome") -> None:
    record = outcome.record
    if record:
        typer.echo(f"trained in {record.timings.training_seconds:.0f} s, best epoch {record.best_epoch}", err=True)


def _write(found: "Discovery", output: Path | None, figure: Path | None, options: Iterable[str]) -> None:
    from ctrbench.cohorts.show import ending_of, picture
    from ctrbench.files import write_file
    from ctrbench.recipe.cohort_file import add_to_cohort_file

    if output:
        words = ("ctrbench", "cohorts", found.found.dataset, "--axis", found.found.axis, *options)
        add_to_cohort_file(output, found.found, shlex.join(words))
        typer.echo(f"written to {output}", err=True)
    if figure:
        write_file(figure, picture(found, ending_of(figure)), option="--figure")
        typer.echo(f"drawn to {figure}", err=True)
