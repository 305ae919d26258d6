"""Columns by which measured rows are cut."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ctrbench.data.schema import Cohort, Split
from ctrbench.errors import CtrbenchError
from ctrbench.measure.columns import check_columns, columns_of, data_facts


def with_cohort(prepared, codes, values, name="income", source="user"):
    """The dataset with one more cohort; ``codes`` are by user or by row."""
    cohort = Cohort(name=name, source=source, values=values)
    manifest = prepared.manifest.model_copy(update={"cohorts": (*prepared.manifest.cohorts, cohort)}).sealed()
    column = {name: torch.tensor(codes, dtype=torch.int16)}
    changed = {"user": {"users": prepared.users | column}, "row": {"rows": prepared.rows | column}}[source]
    return replace(prepared, manifest=manifest, **changed)


def user_codes(prepared, groups, outside=0.3):
    random = np.random.default_rng(0)
    codes = random.integers(0, groups, prepared.manifest.users + 1)
    return np.where(random.random(len(codes)) < outside, -1, codes)


def test_columns_that_every_job_has(small):
    rows = small.indices(Split.TEST)
    columns = columns_of(small, rows)
    assert list(columns) == ["activeness", "click_length", "age_group"]
    assert all(len(codes) == len(rows) for codes, _ in columns.values())
    assert columns_of(small, rows, ["overall", "age_group", "click_length/10"]).keys() == {*columns, "click_length/10"}


def test_rows_outside_every_group_stay_outside_buckets_and_products(small):
    codes = user_codes(small, 10)
    prepared = with_cohort(small, codes, tuple(f"{10 * k} %" for k in range(10)))
    rows = prepared.indices(Split.TEST)
    own = codes[prepared.rows["user"][rows].numpy()]
    columns = columns_of(prepared, rows, ["income/3", "income*age_group"])
    buckets, names = columns["income/3"]
    assert ((buckets == -1) == (own == -1)).all()
    assert (own == -1).any()
    assert len(names) == 3
    assert names[0].startswith("income 0 to ")
    for code, name in enumerate(names):
        low, high = map(int, name.removeprefix("income ").split(" to "))
        assert ((buckets == code) == ((own >= low) & (own <= high))).all()
    pairs, names = columns["income*age_group"]
    age = columns["age_group"][0]
    assert (pairs == np.where(own >= 0, own * 5 + age, -1)).all()
    assert names[7] == "10 % x 2"
    assert len(names) == 50


def test_a_product_of_three(small):
    rows = small.indices(Split.TEST)
    codes, names = columns_of(small, rows, ["age_group*activeness*click_length/2"])[
        "age_group*activeness*click_length/2"
    ]
    assert len(names) == 5 * 3 * 2
    assert len(set(names)) == len(names)
    for code in np.unique(codes):
        age, _, length = names[code].split(" x ")
        row = np.flatnonzero(codes == code)[0]
        own = small.per_row("user", "age_group", rows)[row]
        assert small.manifest.cohorts[0].values[own] == age
        low, high = map(int, length.removeprefix("click_length ").split(" to "))
        assert low <= small.rows["length"][rows][row] <= high


def test_a_product_has_a_bounded_number_of_groups(small):
    rows = small.indices(Split.TEST)
    codes = np.arange(small.manifest.users + 1) % 100
    prepared = with_cohort(small, codes, tuple(map(str, range(100))))
    assert len(columns_of(prepared, rows, ["income*age_group"])["income*age_group"][1]) == 500
    for expression in ("income*income", "income*age_group*activeness", "*".join(["income"] * 9)):
        with pytest.raises(
            CtrbenchError, match=r"column 'income.*,\d{3} groups, at most 1,000 are allowed; use fewer buckets"
        ):
            columns_of(prepared, rows, [expression])


def test_the_groups_within_which_rows_are_compared_are_those_of_the_column(small):
    rows = small.indices(Split.TEST)
    columns = columns_of(small, rows, ["age_group*activeness", "within(age_group*activeness)"])
    (codes, names), (same, also) = columns["age_group*activeness"], columns["within(age_group*activeness)"]
    assert np.array_equal(codes, same)
    assert names == also
    with pytest.raises(CtrbenchError, match=r"column 'within\(brand\)': unknown column of small 'brand'"):
        check_columns(small.manifest, ["within(brand)"])


def test_two_groups_of_one_name_in_a_product(small):
    codes = np.arange(small.manifest.users + 1) % 2
    one = with_cohort(small, codes, ("a", "a x b"))
    both = with_cohort(one, codes, ("b x c", "c"), name="city")
    with pytest.raises(CtrbenchError, match=r"column 'income\*city': two groups are named 'a x b x c'; rename a value"):
        columns_of(both, both.indices(Split.TEST), ["income*city"])


def test_expressions_are_checked_by_the_manifest_alone(small):
    check_columns(
        small.manifest, ["overall", "age_group", "age_group/3", "item_popularity/4", "click_length*activeness"]
    )
    for expression in ("item_popularity", "overall*age_group", "overall/2", "activeness/2", "brand", "brand/2"):
        with pytest.raises(CtrbenchError, match=r"unknown (column|number to cut) of small"):
            check_columns(small.manifest, [expression])


def test_facts_are_those_of_the_manifest(small):
    facts = data_facts(small.manifest)
    assert facts.key == (small.manifest.fingerprint, small.manifest.measuring_fingerprint)
    assert facts.dataset == "small"
    assert facts.groups == {}
    for name in (
        "title",
        "users",
        "items",
        "interactions",
        "splits",
        "activeness_curve",
        "mean_click_length",
        "synthetic",
    ):
        assert getattr(facts, name) == getattr(small.manifest, name)
