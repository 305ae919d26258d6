"""Recipe files: shipped ones by name, any other by its path."""

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml
from ctrbench.names import ALL, problem_of
from ctrbench.recipe.cohort_file import read_cohort_file
from ctrbench.recipe.recipe import Recipe
from ctrbench.registry import unknown

COLLECTED = "recipes"
"""The key that only the file of a :class:`ctrbench.recipe.collection.Collection` has."""
COHORTS = "cohorts"
"""The key that names files of cohorts."""
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
        CtrbenchError: no such recipe, not TOML, an unknown key, a value of another type, a key of the file itself that
            speaks of a dataset or method that the recipe lacks, circular inheritance, or a collection.
    """
    path = recipe_path(str(name))
    own = read_toml(path)
    document = _inherited(path, own)
    if COLLECTED in document:
        raise CtrbenchError(f"{path}: a collection of recipes, not a recipe; name one of its recipes")
    recipe = Recipe.read(document, str(path))
    _refuse_names_it_lacks(recipe, own, str(path))
    return recipe.asked_with([str(name)])


def _refuse_names_it_lacks(recipe: Recipe, own: Collection[str], source: str) -> None:
    """Inherited keys may speak of more than the recipe has; its own would silently do nothing."""
    methods = [name for counts in recipe.seeds_on.values() for name in counts]
    trials_on = recipe.search.trials_on if recipe.search else {}
    for where, names, kind, known in (
        ("seeds_on", recipe.seeds_on, "dataset", recipe.datasets),
        ("seeds_on", methods, "method", recipe.methods),
        ("search.trials_on", trials_on, "dataset", recipe.datasets),
        ("not_comparable", recipe.not_comparable, "dataset", recipe.datasets),
    ):
        for name in names:
            if where.partition(".")[0] in own and name not in known and ALL not in known:
                raise CtrbenchError(f"{source}: {where}: {unknown(kind, name, known)}")


def _inherited(path: Path, own: dict[str, Any], before: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The keys of a recipe's file, and those that it inherits."""
    if path.resolve() in before:
        raise CtrbenchError(f"{path}: circular inheritance; name another recipe in {EXTENDS!r}")
    inherited: dict[str, Any] = {}
    if parent := own.get(EXTENDS):
        source = recipe_path(str(parent), path.parent)
        inherited = _inherited(source, read_toml(source), (*before, path.resolve()))
    if COHORTS in own:
        own = {**own, COHORTS: _found_cohorts(path, own[COHORTS])}
    return {**inherited, "name": path.stem, **{key: value for key, value in own.items() if key != EXTENDS}}


def _found_cohorts(path: Path, names: object) -> list[dict[str, Any]]:
    """The contents of the files of cohorts that a recipe names."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CtrbenchError(f"{path}: cohorts: want a list of paths of files that ctrbench cohorts wrote")
    for name in names:
        if not (file := path.parent / name).exists():
            raise CtrbenchError(f"{path}: cohorts: no file {file}; ctrbench cohorts --output {file} writes it")
    found = [each for name in names for each in read_cohort_file(path.parent / name).cohorts]
    axes = [(each.dataset, each.axis) for each in found]
    if twice := next((axis for axis in axes if axes.count(axis) > 1), None):
        raise CtrbenchError(f"{path}: cohorts: two files have axis {twice[1]!r} of {twice[0]}; keep one")
    return [each.model_dump() for each in found]
