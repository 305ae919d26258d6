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
    from ctrbench.backbones.base import Backbone
    from ctrbench.methods.base import Method

SHORTEST = 6
"""Letters of a run's identity, so that a word of letters a to f is not taken for one."""


def show(
    name: Annotated[
        str,
        typer.Argument(
            help=f"A recipe, collection, dataset, backbone or method, or a run's identity: its first {SHORTEST} letters"
        ),
    ],
    data: Data = None,
    results: Results = None,
) -> None:
    """Shows everything that is known of one thing."""
    from ctrbench.backbones import BACKBONES
    from ctrbench.experiments.collection import collection_names
    from ctrbench.experiments.ledger import Ledger
    from ctrbench.experiments.plan import prepared_names
    from ctrbench.experiments.recipe import recipe_names, recipe_path
    from ctrbench.methods import METHODS

    data, ledger = places.data_folder(data), Ledger(places.results_folder(results))
    cards = places.cards()
    recipes = [*recipe_names(), *collection_names()]
    if name in recipes or name.endswith(".toml"):
        lines = [read_text(recipe_path(name))]
    elif name in METHODS.names():
        lines = list(_component(name, METHODS.get(name)))
    elif name in BACKBONES.names():
        lines = list(_component(name, BACKBONES.get(name)))
    elif name in cards or name in prepared_names(data):
        lines = list(_dataset(cards.get(name), data / name))
    elif len(name) >= SHORTEST and (found := [i for i in ledger.identities() if i.startswith(name)]):
        lines = [ledger.read(identity).model_dump_json(indent=1) for identity in found]
    elif len(name) < SHORTEST and any(identity.startswith(name) for identity in ledger.identities()):
        raise CtrbenchError(f"{name}: too short for a run's identity; give its first {SHORTEST} letters or more")
    else:
        known = {*recipes, *METHODS.names(), *BACKBONES.names(), *cards, *prepared_names(data)}
        raise unknown("name", name, known)
    for line in lines:
        typer.echo(line)


def _component(name: str, component: "type[Backbone] | type[Method]") -> Iterator[str]:
    import sys

    described = (sys.modules[component.__module__].__doc__ or "").strip().splitlines()[0]
    yield f"{name}: {described}"
    yield f"paper:  {component.paper}"
    yield f"source: {component.source}"
    yield "settings:" if component.Settings.model_fields else "settings: none"
    for key, field in component.Settings.model_fields.items():
        annotation = field.annotation
        kind = (
            annotation.__name__ if isinstance(annotation, type) and not hasattr(annotation, "__args__") else annotation
        )
        yield f"  {key}: {kind} = {field.default!r}"


def _dataset(card: Path | None, folder: Path) -> Iterator[str]:
    from ctrbench.data.schema import MANIFEST, read_manifest

    if card:
        yield card.read_text("utf-8")
    if (folder / MANIFEST).exists():
        yield f"prepared in {folder}:"
        yield read_manifest(folder).model_dump_json(indent=1)
    else:
        yield f"not prepared; ctrbench prepare {folder.name}"
