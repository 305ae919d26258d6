"""Axes: which cohorts an expression means, and that their rules hold exactly for their rows."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ctrbench.cohorts.axis import read_axis
from ctrbench.data.cohort_rule import read_rule
from ctrbench.data.examples import Feed
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.testing.data import dataset


@pytest.fixture
def prepared():
    """Its columns may be replaced."""
    small = dataset("small")
    return replace(small, rows=dict(small.rows))


def codes_of(axis, prepared):
    feed = Feed(prepared, DataSettings(minimum_history=0), cohorts=axis.columns)
    values = feed.cohort_codes(feed.training).numpy()
    return axis.codes(axis.factor_codes(values)), values


@pytest.mark.parametrize(
    "expression",
    ["age_group", "click_length/4", "item_popularity/3", "age_group/2", "age_group*click_length/3", "random_user/5"],
)
def test_a_rule_holds_for_the_rows_of_its_cohort_and_no_others(prepared, expression):
    axis = read_axis(expression, prepared)
    codes, values = codes_of(axis, prepared)
    assert len(set(codes.tolist()) - {-1}) > 1
    for number, group in enumerate(axis.groups):
        inside = np.ones(len(values), dtype=bool)
        for condition in read_rule(group.rule, prepared.manifest):
            own = values[:, axis.columns.index(condition.column)]
            inside &= (own >= condition.least) & (own <= condition.most)
        assert np.array_equal(inside, codes == number), group


def test_quantiles_hold_equal_shares_of_the_training_rows(prepared):
    axis = read_axis("random_row/4", prepared)
    codes, _ = codes_of(axis, prepared)
    shares = np.bincount(codes, minlength=4) / len(codes)
    assert shares == pytest.approx([0.25] * 4, abs=0.02)


def test_quantiles_do_not_depend_on_validation_and_test_rows(prepared):
    before = read_axis("click_length/4", prepared).groups
    later = prepared.rows["split"] != 0
    assert later.any()
    prepared.rows["length"] = torch.where(later, 10_000, prepared.rows["length"])
    assert read_axis("click_length/4", prepared).groups == before


def test_what_a_cohort_is_a_set_of(prepared):
    sources = {text: read_axis(text, prepared).source for text in ("age_group", "item_popularity/3", "click_length/3")}
    assert sources == {"age_group": "user", "item_popularity/3": "item", "click_length/3": "row"}
    assert read_axis("age_group*item_popularity/3", prepared).source == "row"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("age_grup", "small: unknown axis 'age_grup'; did you mean age_group"),
        ("activeness", "small: activeness is cut at click lengths of test users, which no cohort may depend on"),
        ("click_length", "small: click_length is a number; cut it into quantiles: click_length/10"),
        ("age_group*click_length/2*item_popularity/2", "want one column, or the product of two different ones"),
        ("age_group*age_group", "want one column, or the product of two different ones"),
        ("random_row/101", "small: axis 'random_row/101' has 101 groups, at most 100 are allowed; cut it into fewer"),
        ("age_group/1", "1 buckets; want 2 to 1,000"),
        ("", "want NAME, NAME/BUCKETS or NAME\\*NAME"),
    ],
)
def test_an_axis_that_is_none(prepared, expression, message):
    with pytest.raises(CtrbenchError, match=message):
        read_axis(expression, prepared)


def test_an_axis_with_a_single_group(prepared):
    prepared.rows["length"] = torch.full_like(prepared.rows["length"], 3)
    with pytest.raises(CtrbenchError, match="axis 'click_length/3' has a single group"):
        read_axis("click_length/3", prepared)
