"""A collection: several recipes under one name, such as all panels of a figure."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml
from ctrbench.recipe.read import COLLECTED, recipe_names, recipe_path
from ctrbench.registry import unknown
from ctrbench.strict import RecipeName, Strict

T = TypeVar("T")


class Collection(Strict):
    """Recipes that a command processes one after another."""

    name: RecipeName
    """Left out: the file's name without its ending."""
    title: str
    recipes: tuple[str, ...] = Field(min_length=1)
    """Names of recipes or of other collections, or paths that end in ``.toml``, relative to this file's folder."""


def collection_names() -> list[str]:
    """Names of the collections that ship with the package."""
    return sorted({path.stem for path in places.shipped("recipes").glob("*.toml")}.difference(recipe_names()))


def read_collection(name: str) -> Collection:
    """Reads a shipped collection by name, or any collection by the path of its ``.toml`` file.

    Raises:
        CtrbenchError: no such file, not TOML, an unknown key, or a value of another type.
    """
    path = recipe_path(name)
    return Collection.read({"name": path.stem, **read_toml(path)}, str(path))


def recipes_of(name: str) -> list[str]:
    """Names and paths of the recipes behind a name: that of a recipe itself, or a collection's, in order, each once.

    Raises:
        CtrbenchError: no such recipe, a collection that contains itself, or a file that cannot be read.
    """
    return list(dict.fromkeys(_expanded(name, ())))


def _expanded(name: str, within: tuple[Path, ...]) -> list[str]:
    try:
        path = recipe_path(name)
    except CtrbenchError as error:
        if within:
            raise CtrbenchError(f"{within[-1]}: {error}") from None
        if name.endswith(".toml"):
            raise
        raise unknown("recipe", name, [*recipe_names(), *collection_names()]) from None
    if path.resolve() in {each.resolve() for each in within}:
        raise CtrbenchError(f"{path}: the collection contains itself; take {within[-1].stem} out of one of them")
    if COLLECTED not in read_toml(path):
        return [name]
    own = [str(path.parent / each) if each.endswith(".toml") else each for each in read_collection(name).recipes]
    return [recipe for each in own for recipe in _expanded(each, (*within, path))]


def for_each_recipe(recipes: Sequence[tuple[str, T]], do: Callable[[T], None]) -> None:
    """Calls ``do`` for each recipe, given as (name, recipe); a failure does not stop the others.

    Raises:
        CtrbenchError: the error of the only recipe that failed, or one line that names all recipes that failed.
    """
    failed: dict[str, CtrbenchError] = {}
    for name, recipe in recipes:
        try:
            do(recipe)
        except CtrbenchError as error:
            failed[name] = error
    if len(failed) == 1:
        raise next(iter(failed.values()))
    if failed:
        causes = "; ".join(map(str, failed.values()))
        raise CtrbenchError(f"{len(failed)} of {len(recipes)} recipes failed ({', '.join(failed)}): {causes}")
