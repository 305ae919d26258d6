"""Variants in the place of methods, for a recipe whose report compares them with each other."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.select import ReportData


def variants_as_methods(data: ReportData) -> ReportData:
    """The same jobs, with a row for each variant of the method that they change, compared with ``against``; the data
    themselves where the recipe names none."""
    recipe = data.recipe
    if recipe.against is None:
        return data

    def name(key: RowKey) -> str:
        return key.variant if recipe.varies(key.method) else key.method

    rows = tuple(replace(row, key=replace(row.key, method=name(row.key), variant="")) for row in data.rows)

    def among(methods: Iterable[str]) -> Recipe:
        own: dict[str, dict[str, Any]] = {each: {} for each in methods if not recipe.varies(each)}
        return recipe.model_copy(
            update={
                "methods": own | {variant: {} for variant in recipe.variants},
                "base": recipe.against,
                "variants": {},
                "against": None,
                "varied": None,
            }
        )

    whole = among([recipe.base, *sorted(recipe.compared)])
    return replace(data, rows=rows, recipe=among(recipe.methods).part_of(whole))
