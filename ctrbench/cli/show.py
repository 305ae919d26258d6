"""``ctrbench show``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Results
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_text
from ctrbench.registry import unknown

if TYPE_CHECKING:
    from ctrbench.store.store import Store

SHORTEST = 6
"""Fewest characters of a job's identity, so that a word of the letters a to f is not mistaken for one."""


def show(
    name: Annotated[
        str,
        typer.Argument(
            help="A recipe, collection, dataset, backbone, method, metric or view, or a job's identity: its first "
            f"{SHORTEST} characters"
        ),
    ],
    data: Data = None,
    results: Results = None,
) -> None:
    """Shows everything that is known about one recipe, dataset, component or job."""
    from ctrbench.cli.components import KINDS, describe, registry_of
    from ctrbench.planning.rows import prepared_names
    from ctrbench.recipe.collection import collection_names
    from ctrbench.recipe.read import recipe_names, recipe_path
    from ctrbench.store.store import Store

    data, store = places.data_folder(data), Store.of(places.results_folder(results))
    cards, recipes = places.cards(), [*recipe_names(), *collection_names()]
    components = {kind: registry_of(kind).names() for kind in KINDS}
    if name in recipes or name.endswith(".toml"):
        lines = [read_text(recipe_path(name))]
    elif kind := next((kind for kind, names in components.items() if name in names), None):
        lines = list(describe(kind, name))
    elif name in cards or name in prepared_names(data):
        lines = list(_dataset(cards.get(name), data / name))
    elif found := _records(name, store):
        lines = found
    else:
        named = (each for names in components.values() for each in names)
        raise unknown("name", name, {*recipes, *named, *cards, *prepared_names(data)})
    for line in lines:
        typer.echo(line)


def _records(name: str, store: "Store") -> list[str]:
    """The records of the jobs whose identity begins with a name."""
    if not name or set(name) - set("0123456789abcdef"):
        return []
    found = [entry.record for entry in store.all_entries() if entry.record.identity.startswith(name)]
    if found and len(name) < SHORTEST:
        raise CtrbenchError(f"{name}: too short for a job's identity; give its first {SHORTEST} characters or more")
    return [record.model_dump_json(indent=1, exclude_defaults=True) for record in found]


def _dataset(card: Path | None, folder: Path) -> Iterator[str]:
    from ctrbench.data.schema import MANIFEST, read_manifest

    if card:
        yield card.read_text("utf-8")
    if (folder / MANIFEST).exists():
        yield f"prepared in {folder}:"
        yield read_manifest(folder).model_dump_json(indent=1)
    else:
        yield f"not prepared; ctrbench prepare {folder.name}"
