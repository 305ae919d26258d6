"""The recipes that a command line asks for: named ones, with changes, or one made from names alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.collection import recipes_of
from ctrbench.experiments.recipe import ALL, Recipe, read_recipe, recipe_names, recipe_path, write_toml
from ctrbench.places import card_name
from ctrbench.registry import unknown
from ctrbench.strict import Strict

AD_HOC = "ad-hoc"
"""Name of a recipe made from names alone."""


Names = Mapping[str, Sequence[str]]
"""``datasets``, ``backbones`` and ``methods`` -> names."""


@dataclass(frozen=True)
class Selected:
    """A recipe that a command line asks for."""

    recipe: Recipe
    argument: str | None
    """The name or path by which a command finds the recipe; None for one made from names alone."""
    as_filed: bool
    """No option changed it, and no shipped recipe has its name, so that what is made of it may lie under that name."""


class Asked(Strict):
    """What a command line asks for; ``last.toml`` keeps it for the next ``ctrbench report``."""

    name: str | None = None
    """Of a recipe or collection, or the path of its file."""
    datasets: tuple[str, ...] = ()
    backbones: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    seeds: int | None = None
    overrides: dict[str, Any] = Field(default_factory=dict)
    """Of ``--set``: path -> value."""

    def recipes(self) -> list[Selected]:
        """As :func:`select`."""
        return select(**dict(self))

    def keep(self, path: Path) -> None:
        """Writes it down, a recipe's path seen from anywhere.

        Raises:
            CtrbenchError: it cannot be written.
        """
        name = str(Path(self.name).resolve()) if self.name and self.name.endswith(".toml") else self.name
        document = self.model_copy(update={"name": name}).model_dump(exclude_none=True, exclude_defaults=True)
        write_toml(path, document, "what ctrbench run was last asked for, and ctrbench report without a name shows")


def select(
    name: str | None,
    *,
    datasets: Sequence[str] = (),
    backbones: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[Selected]:
    """The recipe of a name, those of a collection, or without a name one of the names alone.

    Names take the place of a recipe's, whose settings stay; the base is always run too. Of a collection they choose:
    each recipe is narrowed to those of the names that it has, and left out where it has none. A name of a dataset also
    chooses those with changes (``amazon-beauty`` also ``amazon-beauty@ties=apart``).

    Raises:
        CtrbenchError: no such recipe, a name that no recipe of a collection has, no recipe of it that has them all, or
            neither a recipe nor a method or backbone is named.
    """
    if name is None:
        document = _ad_hoc(datasets, backbones, methods)
        return [Selected(_changed(document, seeds=seeds, overrides=overrides), None, as_filed=True)]
    filed = {argument: read_recipe(argument) for argument in recipes_of(name)}
    wanted: Names = {"datasets": datasets, "backbones": backbones, "methods": methods}
    narrowed = dict.fromkeys(filed, wanted) if len(filed) == 1 else _narrowed(filed, wanted)
    if not narrowed:
        raise CtrbenchError(f"{name}: none of its recipes has all of {', '.join((*datasets, *backbones, *methods))}")
    found = []
    for argument, names in narrowed.items():
        recipe = _changed(_renamed(filed[argument], **names), seeds=seeds, overrides=overrides)
        unchanged = recipe.model_dump_json() == filed[argument].model_dump_json()
        found.append(Selected(recipe, argument, as_filed=unchanged and not _borrows_a_name(recipe, argument)))
    return found


def _borrows_a_name(recipe: Recipe, argument: str) -> bool:
    """Whether a shipped recipe has the name of another file's."""
    return recipe.name in recipe_names() and recipe_path(argument).resolve() != recipe_path(recipe.name).resolve()


def _narrowed(recipes: Mapping[str, Recipe], wanted: Names) -> dict[str, Names]:
    """Of each recipe that has some of the names of every kind asked for, those that it has."""
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
    return list(names) if ALL in own else [each for each in own if each in names or card_name(each) in names]


def _renamed(
    filed: Recipe, *, datasets: Sequence[str], backbones: Sequence[str], methods: Sequence[str]
) -> dict[str, Any]:
    """A recipe's document with other names in place of its own."""
    document = filed.model_dump()
    methods = list(dict.fromkeys([filed.base, *methods])) if methods else ()
    for kind, names in (("datasets", datasets), ("backbones", backbones), ("methods", methods)):
        if names:
            document[kind] = {name: document[kind].get(name, {}) for name in names}
    return document


def _changed(document: dict[str, Any], *, seeds: int | None, overrides: Mapping[str, Any] | None) -> Recipe:
    if seeds is not None:
        document["seeds"] = seeds
    document["overrides"] = {**document.get("overrides", {}), **(overrides or {})}
    return Recipe.read(document, document["name"])


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
