"""``ctrbench list``."""

from pathlib import Path
from typing import Annotated

import typer

from ctrbench import places
from ctrbench.cli.options import Data, Results
from ctrbench.registry import unknown

KINDS = ("datasets", "backbones", "methods", "recipes", "runs")


def list_names(
    kind: Annotated[str, typer.Argument(metavar="KIND", show_default=False)],
    data: Data = None,
    results: Results = None,
) -> None:
    """Lists datasets, backbones, methods, recipes or runs, one per line."""
    match kind:
        case "datasets":
            lines = _datasets(places.data_folder(data))
        case "backbones":
            from ctrbench.backbones import BACKBONES

            lines = BACKBONES.names()
        case "methods":
            from ctrbench.methods import METHODS

            lines = METHODS.names()
        case "recipes":
            lines = _recipes()
        case "runs":
            lines = _runs(places.results_folder(results))
        case _:
            raise unknown("kind of thing to list", kind, KINDS)
    for line in lines:
        typer.echo(line)


def _recipes() -> list[str]:
    from ctrbench.experiments.collection import collection_names, read_collection
    from ctrbench.experiments.recipe import read_recipe, recipe_names

    lines = [f"{name}: {read_recipe(name).title}" for name in recipe_names()]
    collections = map(read_collection, collection_names())
    return [*lines, *(f"{each.name}: {each.title} (collection: {', '.join(each.recipes)})" for each in collections)]


def _datasets(data: Path) -> list[str]:
    from ctrbench.data.schema import read_manifest
    from ctrbench.experiments.plan import prepared_names
    from ctrbench.prepare.card import list_cards

    prepared = prepared_names(data)
    cards = {card.name for card in list_cards()}
    lines = []
    for name in sorted(cards.union(prepared)):
        if name in prepared:
            manifest = read_manifest(data / name)
            counts = f"{manifest.users:,} users, {manifest.items:,} items, {manifest.interactions:,} interactions"
            lines.append(f"{name}: prepared, {counts}")
        else:
            lines.append(f"{name}: not prepared; ctrbench prepare {name}")
    return lines


def _runs(results: Path) -> list[str]:
    from ctrbench.experiments.ledger import Ledger

    ledger = Ledger(results)
    lines = []
    for record in map(ledger.read, ledger.identities()):
        config = record.config
        auc = "-" if record.overall.auc is None else f"{record.overall.auc:.4f}"
        row = f"{config.dataset} {config.backbone} {config.method} seed {config.seed}"
        lines.append(f"{record.identity[:12]}  {row}  {config.measure} AUC {auc}")
    return lines
