"""``ctrbench prepare``."""

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench.errors import CtrbenchError

if TYPE_CHECKING:
    from ctrbench.data.schema import Manifest
    from ctrbench.prepare.card import Card
    from ctrbench.prepare.formats import Progress, Simulation
    from ctrbench.prepare.stage import Prepared


def prepare(
    name: Annotated[
        str,
        typer.Argument(
            help="A dataset (your own with --card), or a recipe or collection to prepare all of its datasets."
        ),
    ],
    *,
    source: Annotated[Path | None, typer.Option(help="Raw file or folder to take instead of downloading.")] = None,
    card: Annotated[Path | None, typer.Option(help="Dataset card of your own (TOML).")] = None,
    other_version: Annotated[
        bool, typer.Option("--other-version", help="Accept counts and checksums that differ from the card's.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Downloads and prepared data [CTRBENCH_DATA, datasets/].")] = None,
    scale: Annotated[float | None, typer.Option(help="Simulated data: share of the full size, 10 at most.")] = None,
    seed: Annotated[int | None, typer.Option(help="Simulated data: seed.")] = None,
    jobs: Annotated[int | None, typer.Option(help="Simulated data: processes; no effect on the data.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Prepare again, even if nothing changed.")] = False,
) -> None:
    """Turns raw files, or a simulation, into a prepared dataset."""
    from ctrbench import places
    from ctrbench.prepare import stage

    # All options are checked before anything is prepared.
    wanted = [
        (chosen, place, _simulation(chosen, place, scale=scale, seed=seed, jobs=jobs))
        for chosen, place in _chosen(name, card, source)
    ]
    manifests = []
    for chosen, place, simulation in wanted:
        with _bars() as progress:
            prepared = stage.prepare(
                chosen,
                places.data_folder(data),
                source=place,
                simulation=simulation,
                other_version=other_version,
                force=force,
                progress=progress,
            )
        _show(chosen, prepared)
        manifests.append(prepared.manifest)
    typer.echo(f"next: {_next_command(name, manifests, data)}")


def _next_command(name: str, manifests: "list[Manifest]", data: Path | None) -> str:
    """The next command: runs the recipe that the data were prepared for, or a first comparison on the data."""
    place = f" --data {shlex.quote(str(data))}" if data else ""
    if [manifest.name for manifest in manifests] != [name]:
        return f"ctrbench run {shlex.quote(name)}{place}"
    (manifest,) = manifests
    if manifest.mean_click_length:
        return f"ctrbench run --dataset {name} --method plain,aqcl --seeds 1 --set training.epochs=1{place}"
    fields = ",".join(f'"{field.name}"' for field in manifest.fields if field.name != "user")
    settings = f"--set data.minimum_history=0 --set 'data.fields=[{fields}]'"
    return f"ctrbench run --dataset {name} --backbone deepfm --seeds 1 --set training.epochs=1 {settings}{place}"


def _chosen(name: str, card: Path | None, source: Path | None) -> "list[tuple[Card, Path | None]]":
    """The cards to prepare, each with its files' place; a recipe's files may lie in folders named after the cards.

    Raises:
        CtrbenchError: no such dataset or recipe, or the card describes another dataset.
    """
    from ctrbench.names import ALL
    from ctrbench.prepare.card import read_card, shipped_card
    from ctrbench.recipe.collection import collection_names, recipes_of
    from ctrbench.recipe.read import read_recipe, recipe_names

    if card is None and (name.endswith(".toml") or name in (*recipe_names(), *collection_names())):
        recipes = [read_recipe(recipe) for recipe in recipes_of(name)]
        datasets = dict.fromkeys(
            world for recipe in recipes for dataset in recipe.datasets for world in recipe.worlds_of(dataset)
        )
        if not datasets.keys() - {ALL}:
            raise CtrbenchError(f"{name}: the recipe uses all prepared datasets; name the dataset to prepare")
        datasets.pop(ALL, None)
        cards = {dataset: shipped_card(dataset) for dataset in datasets}
        for recipe in recipes:
            recipe.check_worlds({dataset: each.synthetic for dataset, each in cards.items()})
        return [(each, _place(each, source)) for each in cards.values()]
    chosen = read_card(card) if card else shipped_card(name)
    if chosen.name != name:
        raise CtrbenchError(f"{card}: the card describes {chosen.name!r}, not {name!r}; pass {chosen.name}")
    return [(chosen, source)]


def _place(card: "Card", source: Path | None) -> Path | None:
    """The place of the files of one of a recipe's datasets; None for a simulated dataset."""
    from ctrbench.places import card_name

    if card.synthetic:
        return None
    own = source / card_name(card.name) if source else None
    return own if own and own.is_dir() else source


def _simulation(
    card: "Card", source: Path | None, *, scale: float | None, seed: int | None, jobs: int | None
) -> "Simulation | None":
    from ctrbench.prepare.card import LARGEST_SCALE
    from ctrbench.prepare.formats import Simulation

    given = {"scale": scale, "seed": seed, "jobs": jobs}
    named = [option for option, value in given.items() if value is not None]
    if named and not card.synthetic:
        raise CtrbenchError(f"{card.name}: --{named[0]} is for simulated data only; leave it out")
    if told := next((option for option in named if f"@{option}=" in card.name), None):
        raise CtrbenchError(f"{card.name}: the dataset's name sets the {told}; leave out --{told}")
    if source and card.synthetic:
        raise CtrbenchError(f"{card.name}: simulated data have no files; leave out --source")
    if not card.synthetic:
        return None
    if scale is not None and not 0 < scale <= LARGEST_SCALE:
        raise CtrbenchError(f"{card.name}: --scale {scale:g} is not above 0 and at most {LARGEST_SCALE}")
    return Simulation(
        scale=card.scale if scale is None else scale,
        seed=card.seed if seed is None else seed,
        jobs=1 if jobs is None else jobs,
    )


@contextlib.contextmanager
def _bars() -> "Iterator[Progress]":
    """Progress bars on standard error, one for each step; none if standard error is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from ctrbench.prepare.formats import silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield silent
        return
    tasks: dict[str, TaskID] = {}
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as progress:

        def show(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        yield show


def _show(card: "Card", prepared: "Prepared") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from ctrbench.prepare.summary import label_counts
    from ctrbench.report.published import published_name, read_counts

    manifest = prepared.manifest
    console = Console()
    console.print(f"{manifest.title}: {'prepared' if prepared.fresh else 'already prepared'} in {prepared.folder}")
    sizes = Table("", "users", "items", "interactions", box=box.SIMPLE)
    sizes.add_row("here", *(f"{count:,}" for count in (manifest.users, manifest.items, manifest.interactions)))
    if published := read_counts("aqcl_table1").get(published_name(card.name)):
        sizes.add_row("published (AQCL, table 1)", *(f"{count:,}" for count in published))
    console.print(sizes)
    labels = manifest.labels if len(manifest.labels) > 1 else ("positives",)
    parts = Table("split", "rows", *labels, box=box.SIMPLE)
    for part, counts in label_counts(prepared.folder, manifest).items():
        parts.add_row(part, *(f"{count:,}" for count in counts))
    console.print(parts)
    console.print(f"split: {manifest.split_rule}")
    low, high = manifest.activeness.cutoffs
    shares = " / ".join(f"{share:.1%}" for share in manifest.activeness.shares)
    groups = f"non-active L <= {low}, slightly-active L <= {high}, highly-active above"
    console.print(f"activeness by click length L: {groups} ({shares} of test users)")
    if manifest.negatives.source == "impressions":
        console.print("negatives: impressions that were not clicked")
    else:
        console.print(
            f"negatives: {manifest.negatives.per_positive} per validation and test positive, "
            f"items drawn by {manifest.negatives.distribution}"
        )
