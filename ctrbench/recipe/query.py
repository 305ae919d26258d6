"""The recipes that a command names, with changes, or a recipe made from names alone."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from ctrbench.errors import CtrbenchError
from ctrbench.files import write_toml
from ctrbench.names import ALL
from ctrbench.places import card_name
from ctrbench.recipe.collection import recipes_of
from ctrbench.recipe.read import read_recipe, recipe_names, recipe_path
from ctrbench.recipe.recipe import Recipe
from ctrbench.registry import unknown
from ctrbench.strict import Strict

AD_HOC = "ad-hoc"
"""Name of a recipe made from names alone."""


Names = Mapping[str, Sequence[str]]
"""``datasets``, ``backbones`` and ``methods`` -> names."""


@dataclass(frozen=True)
class RecipeMatch:
    """A recipe that matches a command."""

    recipe: Recipe
    argument: str | None
    """The name or path by which a command finds the recipe; None for one made from names alone."""
    is_unmodified: bool
    """True if no option changed the recipe and no shipped recipe has its name, so its outputs may use its name."""


class RecipeQuery(Strict):
    """The recipes and changes that a command names; ``last.toml`` keeps them for the next ``ctrbench report``."""

    name: str | None = None
    """Name of a recipe or collection, or the path of its file."""
    datasets: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: int | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Settings of ``--set``: path -> value."""

    def matches(self) -> list[RecipeMatch]:
        """The recipes, as found by :func:`find_recipes`."""
        return find_recipes(**dict(self))

    def save(self, path: Path) -> None:
        """Writes the query, with a recipe's path made absolute.

        Raises:
            CtrbenchError: the file cannot be written.
        """
        name = str(Path(self.name).resolve()) if self.name and self.name.endswith(".toml") else self.name
        document = self.model_copy(update={"name": name}).model_dump(exclude_none=True, exclude_defaults=True)
        header = "query of the last ctrbench run; ctrbench report without a name shows its results"
        write_toml(path, document, header, option="--results")


def find_recipes(
    name: str | None,
    *,
    datasets: Sequence[str] = (),
    backbones: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[RecipeMatch]:
    """The recipe of a name, the recipes of a collection, or, without a name, a recipe made from the names alone.

    For a single recipe the names replace the recipe's own, whose settings are kept; the base is always included. For a
    collection they filter: each recipe keeps those of its names that are listed (``all``: every one), and a recipe that
    keeps none is skipped. A dataset's name also selects its changed cards (``amazon-beauty`` also
    ``amazon-beauty@ties=apart``).

    Raises:
        CtrbenchError: no such recipe, a name that no recipe of a collection has, no recipe of the collection that has
            all names, or neither a recipe nor a method or backbone is named.
    """
    if name is None:
        recipe = _changed(_ad_hoc(datasets, backbones, methods), seeds=seeds, overrides=overrides)
        asked = _options({"datasets": datasets, "backbones": backbones, "methods": methods})
        return [RecipeMatch(recipe.asked_with(asked, _change_options(seeds, overrides)), None, is_unmodified=True)]
    originals = {argument: read_recipe(argument) for argument in recipes_of(name)}
    wanted: Names = {"datasets": datasets, "backbones": backbones, "methods": methods}
    narrowed = dict.fromkeys(originals, wanted) if len(originals) == 1 else _narrowed(originals, wanted)
    if not narrowed:
        raise CtrbenchError(f"{name}: none of its recipes has all of {', '.join((*datasets, *backbones, *methods))}")
    found = []
    for argument, names in narrowed.items():
        recipe = _changed(_renamed(originals[argument], **names), seeds=seeds, overrides=overrides)
        recipe.asked_with([argument, *_options(names)], _change_options(seeds, overrides)).part_of(originals[argument])
        unchanged = recipe.model_dump_json() == originals[argument].model_dump_json()
        found.append(RecipeMatch(recipe, argument, is_unmodified=unchanged and not _borrows_a_name(recipe, argument)))
    return found


def _borrows_a_name(recipe: Recipe, argument: str) -> bool:
    """Whether a recipe from another file has the name of a shipped recipe."""
    return recipe.name in recipe_names() and recipe_path(argument).resolve() != recipe_path(recipe.name).resolve()


def _narrowed(recipes: Mapping[str, Recipe], wanted: Names) -> dict[str, Names]:
    """Recipe -> those of the wanted names that it has; a recipe must have some of every kind that is wanted."""
    for kind, names in wanted.items():
        known = {own for recipe in recipes.values() for own in getattr(recipe, kind)}
        for name in names:
            if ALL not in known and not _among([name], known):
                raise unknown(kind.removesuffix("s"), name, known)
    found: dict[str, Names] = {}
    for argument, recipe in recipes.items():
        own = {kind: _among(names, getattr(recipe, kind)) for kind, names in wanted.items()}
        if all(own[kind] for kind, names in wanted.items() if names):
            found[argument] = own
    return found


def _among(names: Sequence[str], own: Mapping[str, object] | set[str]) -> list[str]:
    """Those of a recipe's own names that ``names`` choose; where it takes all there are, ``names``."""
    if ALL in names or ALL in own:
        return list(own) if ALL in names else list(names)
    return [each for each in own if each in names or card_name(each) in names]


def _renamed(
    original: Recipe, *, datasets: Sequence[str], backbones: Sequence[str], methods: Sequence[str]
) -> dict[str, Any]:
    """A recipe's document with its names replaced."""
    document = original.model_dump()
    methods = list(dict.fromkeys([original.base, *methods])) if methods else ()
    for kind, names in (("datasets", datasets), ("backbones", backbones), ("methods", methods)):
        if names:
            document[kind] = {name: document[kind].get(name, {}) for name in names}
    return document


def _changed(document: dict[str, Any], *, seeds: int | None, overrides: Mapping[str, Any] | None) -> Recipe:
    if seeds is not None:
        document |= {"seeds": seeds, "seeds_on": {}}
    document["overrides"] = {**document.get("overrides", {}), **(overrides or {})}
    return Recipe.read(document, document["name"])


def _options(names: Names) -> list[str]:
    return [word for kind, own in names.items() if own for word in (f"--{kind.removesuffix('s')}", ",".join(own))]


def _change_options(seeds: int | None, overrides: Mapping[str, Any] | None) -> list[str]:
    words = [] if seeds is None else ["--seeds", str(seeds)]
    # JSON writes text, numbers, true, false and lists as TOML does.
    assignments = (f"{path}={json.dumps(value)}" for path, value in (overrides or {}).items())
    return words + [word for each in assignments for word in ("--set", each)]


def _ad_hoc(datasets: Sequence[str], backbones: Sequence[str], methods: Sequence[str]) -> dict[str, Any]:
    if not (methods or backbones):
        raise CtrbenchError("nothing to run: name a recipe, a --method or a --backbone; see ctrbench list recipes")
    datasets, backbones = datasets or ("amazon-beauty",), backbones or ("din",)
    methods = tuple(dict.fromkeys(["plain", *methods]))
    return {
        "name": AD_HOC,
        "title": f"{', '.join(methods)} on {', '.join(backbones)}; {', '.join(datasets)}",
        "datasets": datasets,
        "backbones": backbones,
        "methods": methods,
    }
