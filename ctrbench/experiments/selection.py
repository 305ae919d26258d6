"""The recipe that a command line asks for: a named one with changes, or one made from names alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.recipe import Recipe, read_recipe

AD_HOC = "ad-hoc"
"""Name of a recipe made from names alone."""


def select(
    name: str | None,
    *,
    datasets: Sequence[str] = (),
    backbones: Sequence[str] = (),
    methods: Sequence[str] = (),
    seeds: int | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Recipe:
    """Names take the place of the recipe's, whose settings stay; the base is always run too.

    Raises:
        CtrbenchError: no such recipe, or neither a recipe nor a method or backbone is named.
    """
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
