"""Recipe files: shipped ones by name, any other by its path."""

import contextlib
from pathlib import Path
from typing import Any

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml
from ctrbench.names import problem_of
from ctrbench.recipe.recipe import Recipe
from ctrbench.registry import unknown

COLLECTED = "recipes"
"""The key that only the file of a :class:`ctrbench.recipe.collection.Collection` has."""
EXTENDS = "extends"
"""The key that names the recipe whose keys are inherited."""


def recipe_names() -> list[str]:
    """Names of the recipes that ship with the package, without its collections."""
    paths = places.shipped("recipes").glob("*.toml")
    return sorted(path.stem for path in paths if COLLECTED not in read_toml(path))


def recipe_path(name: str, folder: Path = Path()) -> Path:
    """The file of a shipped recipe or collection, or of a path that ends in ``.toml``, relative to ``folder``.

    Raises:
        CtrbenchError: no such recipe.
    """
    if name.endswith(".toml"):
        path = folder / name
        with contextlib.suppress(OSError):  # a name that no file can have
            if path.is_file():
                return path
        raise CtrbenchError(f"{path!s:.200}: no such recipe file")
    path = places.shipped("recipes") / f"{name}.toml"
    if problem_of("recipe", name) is None and path.is_file():
        return path
    raise unknown("recipe", name, recipe_names())


def read_recipe(name: str | Path) -> Recipe:
    """Reads a shipped recipe by name, or any recipe by the path of its ``.toml`` file.

    A recipe with ``extends = "NAME"`` inherits every top-level key that it does not set itself; a path is relative to
    the recipe's folder.

    Raises:
        CtrbenchError: no such recipe, not TOML, an unknown key, a value of another type, circular inheritance, or a
            collection.
    """
    path = recipe_path(str(name))
    document = _inherited(path)
    if COLLECTED in document:
        raise CtrbenchError(f"{path}: a collection of recipes, not a recipe; name one of its recipes")
    return Recipe.read(document, str(path)).asked_with([str(name)])


def _inherited(path: Path, before: tuple[Path, ...] = ()) -> dict[str, Any]:
    if path.resolve() in before:
        raise CtrbenchError(f"{path}: circular inheritance; name another recipe in {EXTENDS!r}")
    document = read_toml(path)
    parent = document.pop(EXTENDS, None)
    inherited = _inherited(recipe_path(str(parent), path.parent), (*before, path.resolve())) if parent else {}
    return {**inherited, "name": path.stem, **document}
