"""``ctrbench list``."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Names, Results, split_names
from ctrbench.errors import CtrbenchError
from ctrbench.names import ALL
from ctrbench.registry import unknown

KINDS = ("datasets", "backbones", "methods", "metrics", "views", "recipes", "runs")

Line = tuple[str, ...]


def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.", show_default=False)],
    *,
    method: Annotated[list[str], Names] = [],  # noqa: B006
    backbone: Annotated[list[str], Names] = [],  # noqa: B006
    dataset: Annotated[list[str], Names] = [],  # noqa: B006
    data: Data = None,
    results: Results = None,
) -> None:
    """Lists datasets, backbones, methods, metrics, views, recipes or runs, with a line about each."""
    header: Line
    lines: Sequence[Line]
    wanted = {"dataset": split_names(dataset), "backbone": split_names(backbone), "method": split_names(method)}
    if kind in KINDS and kind != "runs" and any(wanted.values()):
        raise CtrbenchError("--dataset, --backbone and --method choose runs; leave them out, or: ctrbench list runs")
    match kind:
        case "datasets":
            header, lines = ("dataset", "state", "what it is"), _datasets(places.data_folder(data))
        case "backbones" | "methods" | "metrics" | "views":
            header, lines = (kind.removesuffix("s"), "what it is"), _components(kind)
        case "recipes":
            header, lines = ("recipe", "what it answers"), _recipes()
        case "runs":
            header, lines = _RUNS, _runs(places.results_folder(results), wanted)
        case _:
            raise unknown("kind of thing to list", kind, KINDS)
    _print(header, lines)


def _print(header: Line, lines: Iterable[Line]) -> None:
    """Prints a table on a terminal; elsewhere one line per entry, with tabs between the columns."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        for line in lines:
            typer.echo("\t".join(line))
        return
    table = Table(*header, box=None, pad_edge=False, header_style="dim")
    table.columns[0].no_wrap = True
    for line in lines:
        table.add_row(*map(Text, line))
    console.print(table)


def _components(kind: str) -> Sequence[Line]:
    from ctrbench.cli.components import registry_of, summary_of

    registry = registry_of(kind.removesuffix("s"))
    return [(name, summary_of(registry, name)) for name in registry.names()]


def _recipes() -> Sequence[Line]:
    from ctrbench.recipe.collection import collection_names, read_collection
    from ctrbench.recipe.read import read_recipe, recipe_names

    lines = [(name, read_recipe(name).title) for name in recipe_names()]
    collections = map(read_collection, collection_names())
    return [*lines, *((each.name, f"{each.title} (collection of {len(each.recipes)})") for each in collections)]


def _datasets(data: Path) -> Sequence[Line]:
    from ctrbench.data.schema import read_manifest
    from ctrbench.planning.rows import prepared_names
    from ctrbench.prepare.card import list_cards

    prepared = prepared_names(data)
    titles = {card.name: card.title for card in list_cards()}
    lines = []
    for name in sorted({*titles, *prepared}):
        if name in prepared:
            manifest = read_manifest(data / name)
            counts = f"{manifest.users:,} users, {manifest.items:,} items, {manifest.interactions:,} interactions"
            lines.append((name, f"prepared, {counts}", manifest.title))
        else:
            lines.append((name, f"not prepared; ctrbench prepare {name}", titles[name]))
    return lines


_RUNS = ("job", "dataset", "backbone", "method", "seed", "task", "metrics", "where")


def _runs(results: Path, wanted: Mapping[str, Sequence[str]]) -> Sequence[Line]:
    """Finished jobs of the wanted datasets, backbones and methods; without names, or with ``all``, every job.

    Raises:
        CtrbenchError: a name that no finished job has.
    """
    from ctrbench.cli.progress import values_of
    from ctrbench.store.store import Store

    store = Store.of(results)
    records = [entry.record for entry in store.all_entries()]
    for kind, names in wanted.items():
        known = {getattr(record, kind) for record in records}
        for name in names:
            if name != ALL and not any(_is(own, name) for own in known):
                raise unknown(f"{kind} of a finished run", name, known)
    lines = []
    for record in records:
        own = {kind: getattr(record, kind) for kind in wanted}
        if all(not names or any(_is(own[kind], name) for name in names) for kind, names in wanted.items()):
            where = "work" if store.work.has(record.identity) else "archive"
            lines += [
                (record.identity[:12], *own.values(), str(record.seed), task, values_of(record, task), where)
                for task in record.tasks
            ]
    return lines


def _is(own: str, name: str) -> bool:
    """Whether ``name`` selects a run's name ``own``: a dataset's name also selects its changed cards."""
    return name in (ALL, own, places.card_name(own))
