"""The recipes that a command line asks for: named ones, with changes, or one made from names alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.collection import recipes_of
from ctrbench.experiments.recipe import ALL, Recipe, read_recipe
from ctrbench.places import card_name
from ctrbench.registry import unknown

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
    """No option changed it, so that what is made of it may stand for the recipe of that name."""


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
    arguments: Sequence[str | None] = recipes_of(name) if name else (None,)
    wanted: Names = {"datasets": datasets, "backbones": backbones, "methods": methods}
    narrowed = dict.fromkeys(arguments, wanted)
    if len(arguments) > 1:
        narrowed = _narrowed({each: read_recipe(each) for each in arguments if each}, wanted)
        if not narrowed:
            raise CtrbenchError(f"{name}: none of its recipes has all of {', '.join(map(', '.join, wanted.values()))}")
    found = []
    for argument, names in narrowed.items():
        recipe = _changed(argument, **names, seeds=seeds, overrides=overrides)
        found.append(Selected(recipe, argument, argument is not None and recipe == read_recipe(argument)))
    return found


def _narrowed(recipes: Mapping[str, Recipe], wanted: Names) -> dict[str | None, Names]:
    """Of each recipe that has some of the names of every kind asked for, those that it has."""
    for kind, names in wanted.items():
        known = {own for recipe in recipes.values() for own in getattr(recipe, kind)}
        for name in names:
            if ALL not in known and not _among([name], known):
                raise unknown(kind.removesuffix("s"), name, known)
    found: dict[str | None, Names] = {}
    for argument, recipe in recipes.items():
        own = {kind: _among(names, getattr(recipe, kind)) for kind, names in wanted.items()}
        if all(own[kind] for kind, names in wanted.items() if names):
            found[argument] = own
    return found


def _among(names: Sequence[str], own: Mapping[str, object] | set[str]) -> list[str]:
    """Those of a recipe's own names that ``names`` choose; where it takes all there are, ``names``."""
    return list(names) if ALL in own else [each for each in own if each in names or card_name(each) in names]


def _changed(
    name: str | None,
    *,
    datasets: Sequence[str],
    backbones: Sequence[str],
    methods: Sequence[str],
    seeds: int | None,
    overrides: Mapping[str, Any] | None,
) -> Recipe:
    if name is None:
        if not (methods or backbones):
            raise CtrbenchError("nothing to run: name a recipe, a --method or a --backbone; see ctrbench list recipes")
        document = _ad_hoc(datasets, backbones, methods)
    else:
        document = read_recipe(name).model_dump()
        if datasets:
            document["datasets"] = {name: document["datasets"].get(name, {}) for name in datasets}
        if backbones:
            document["backbones"] = {name: document["backbones"].get(name, {}) for name in backbones}
        if methods:
            named = dict.fromkeys([document["base"], *methods])
            document["methods"] = {name: document["methods"].get(name, {}) for name in named}
    if seeds is not None:
        document["seeds"] = seeds
    document["overrides"] = {**document.get("overrides", {}), **(overrides or {})}
    return Recipe.read(document, document["name"])


def _ad_hoc(datasets: Sequence[str], backbones: Sequence[str], methods: Sequence[str]) -> dict[str, Any]:
    datasets, backbones = datasets or ("amazon-beauty",), backbones or ("din",)
    methods = tuple(dict.fromkeys(["plain", *methods]))
    return {
        "name": AD_HOC,
        "title": f"{', '.join(methods)} on {', '.join(backbones)}; {', '.join(datasets)}",
        "datasets": datasets,
        "backbones": backbones,
        "methods": methods,
    }
