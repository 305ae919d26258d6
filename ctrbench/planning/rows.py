"""The rows of a recipe's table, by names alone. No torch."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ctrbench.data.schema import MANIFEST
from ctrbench.errors import CtrbenchError
from ctrbench.names import ALL
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.registry import Registry


def rows_of(
    recipe: Recipe, datasets: Iterable[str], backbones: "Registry[Any]", methods: "Registry[Any]"
) -> list[RowKey]:
    """Every row of a recipe on some datasets, by dataset, variant, backbone and method.

    Where variants are compared with each other, a method that they do not change has a row for the first of them alone.
    """
    names = itertools.product(
        datasets,
        recipe.variants or ("",),
        expanded(recipe.backbones, backbones),
        expanded(recipe.methods, methods),
    )
    rows = [RowKey(dataset, backbone, method, variant) for dataset, variant, backbone, method in names]
    first = next(iter(recipe.variants), "")
    return [row for row in rows if recipe.varies(row.method) or row.variant == first]


def expanded(names: Iterable[str], registry: "Registry[Any]") -> list[str]:
    """Names, with ``all`` replaced by every registered name."""
    named = [name for name in names if name != ALL]
    return list(dict.fromkeys([*named, *(registry.names() if ALL in names else ())]))


def dataset_names(recipe: Recipe, data: Path) -> list[str]:
    """The recipe's datasets; ``all`` stands for those prepared in ``data``.

    Raises:
        CtrbenchError: the recipe says ``all``, and no dataset is prepared.
    """
    if ALL not in recipe.datasets:
        return list(dict.fromkeys(recipe.datasets))
    if prepared := prepared_names(data):
        return list(dict.fromkeys([*(name for name in recipe.datasets if name != ALL), *prepared]))
    raise CtrbenchError(f"{data}: no dataset is prepared here; run: ctrbench prepare amazon-beauty")


def world_names(recipe: Recipe, data: Path) -> list[str]:
    """The datasets that the recipe's jobs run on: those of :func:`dataset_names`, each with the worlds of its seeds.

    Raises:
        CtrbenchError: as :func:`dataset_names`.
    """
    return [world for name in dataset_names(recipe, data) for world in recipe.worlds_of(name)]


def prepared_names(data: Path) -> list[str]:
    """Datasets with a manifest in the data folder."""
    return sorted(path.parent.name for path in data.glob(f"*/{MANIFEST}"))
