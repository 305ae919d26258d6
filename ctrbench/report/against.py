"""Variants in the place of methods, for a recipe whose report compares them with each other."""

from dataclasses import replace
from typing import Any

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
    others = (method for method in recipe.methods if not recipe.varies(method))
    methods: dict[str, dict[str, Any]] = {each: {} for each in (*others, *recipe.variants)}
    shown = recipe.model_copy(
        update={"methods": methods, "base": recipe.against, "variants": {}, "against": None, "varied": None}
    )
    return replace(data, rows=rows, recipe=shown.part_of(shown))
