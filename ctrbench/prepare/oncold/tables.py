"""The files of the simulated dataset besides its rows, and the manifest's description of the columns."""

import numpy as np

from ctrbench.data.schema import Cohort, Field
from ctrbench.prepare.oncold.blocks import Columns, Plan
from ctrbench.prepare.oncold.catalogue import Items

UNKNOWN_USER: Columns = {
    "age": np.zeros(1, np.int32),
    "user_value": np.zeros(1, np.int32),
    "age_group": np.full(1, -1, np.int16),
    "user_value_group": np.full(1, -1, np.int16),
    "user_value_percentile": np.full(1, -1, np.int16),
}
"""Row 0 of users.parquet."""


def item_columns(items: Items, popularity: np.ndarray) -> Columns:
    """The columns of items.parquet, row 0 the reserved id; popularity (V + 1,) is by item id."""

    def ids(code: np.ndarray) -> np.ndarray:
        return np.append(0, code + 1).astype(np.int32)

    return {
        "popularity": popularity.astype(np.int64),
        "category": ids(items.category),
        "advertiser": ids(items.advertiser),
        "advertiser_size": ids(items.size),
        "advertiser_size_group": np.append(-1, items.size).astype(np.int16),
    }


def fields(plan: Plan) -> tuple[Field, ...]:
    """The inputs that a backbone may read."""
    parameters, catalogue = plan.parameters, plan.world().items
    return (
        Field(name="user", source="user", size=plan.users + 1),
        Field(name="item", source="item", size=plan.items + 1),
        Field(name="age", source="user", size=len(parameters.population.ages) + 1),
        Field(name="user_value", source="user", size=len(parameters.population.values) + 1),
        Field(name="surface", source="row", size=len(parameters.behaviour.surfaces) + 1),
        Field(name="category", source="item", size=parameters.catalogue.categories + 1),
        Field(name="advertiser", source="item", size=catalogue.advertisers + 1),
        Field(name="advertiser_size", source="item", size=len(parameters.catalogue.sizes) + 1),
    )


def cohorts(plan: Plan) -> tuple[Cohort, ...]:
    """The cuts of the rows whose click behaviour differs by construction."""
    population, surfaces = plan.parameters.population, [s.name for s in plan.parameters.behaviour.surfaces]
    ages, buckets = [age.name for age in population.ages], population.value_percentiles
    pairs = [f"{age}, {surface}" for age in ages for surface in surfaces]
    percentiles = [f"{100 * k / buckets:g}-{100 * (k + 1) / buckets:g} %" for k in range(buckets)]
    values = [value.name for value in population.values]
    sizes = [size.name for size in plan.parameters.catalogue.sizes]
    return (
        Cohort(name="age_group", source="user", values=tuple(ages)),
        Cohort(name="surface_group", source="row", values=tuple(surfaces)),
        Cohort(name="age_surface_group", source="row", values=tuple(pairs)),
        Cohort(name="user_value_group", source="user", values=tuple(values)),
        Cohort(name="user_value_percentile", source="user", values=tuple(percentiles)),
        Cohort(name="advertiser_size_group", source="item", values=tuple(sizes)),
    )
