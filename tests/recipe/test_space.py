"""What a search may try."""

import pytest
from pydantic import ValidationError

from ctrbench.recipe.space import Dimension, Search

LOG = {"low": 1e-5, "high": 1e-1, "log": True}


@pytest.mark.parametrize(
    ("dimension", "value", "edge"),
    [
        (LOG, 1e-5, True),
        (LOG, 1.5e-5, True),
        (LOG, 1e-3, False),
        (LOG, 9e-2, True),
        ({"low": 0, "high": 0.5}, 0.01, True),
        ({"low": 0, "high": 0.5, "natural": "low"}, 0.01, False),
        ({"low": 0, "high": 0.5, "natural": "low"}, 0.49, True),
        ({"low": 0, "high": 0.5, "natural": "high"}, 0.49, False),
        ({"low": 0, "high": 0.5, "natural": "both"}, 0.0, False),
        ({"choices": [1, 2, 3]}, 1, True),
        ({"choices": [1, 2, 3]}, 2, False),
        ({"choices": [1, 2, 3], "natural": "low"}, 1, False),
        ({"choices": ["a", "b"]}, "a", False),
        ({"choices": [1]}, 1, False),
    ],
)
def test_a_natural_end_is_no_edge(dimension, value, edge):
    assert Dimension(**dimension).on_edge(value) is edge


@pytest.mark.parametrize(
    ("natural", "value", "tried", "edge"),
    [
        (None, 8, [1, 4, 8], True),
        (None, 8, [1, 8, 16], False),
        (None, 4, [4, 8, 16], True),
        ("both", 8, [1, 4, 8], True),
        ("both", 16, [1, 16], False),
        (None, 8, [], False),
    ],
)
def test_the_last_of_the_choices_that_a_search_drew_is_an_edge(natural, value, tried, edge):
    assert Dimension(choices=[1, 4, 8, 16], natural=natural).on_edge(value, tried) is edge


def test_what_a_dimension_holds():
    assert Dimension(**LOG).holds(1e-5)
    assert not Dimension(**LOG).holds(0.2)
    assert not Dimension(**LOG).holds("constant")
    assert Dimension(choices=["constant", [8, 4]]).holds([8, 4])


def test_a_dataset_may_have_a_budget_of_its_own():
    search = Search(trials=24, trials_on={"small": 3}, space={"training.penalty": Dimension(**LOG)})
    assert (search.budget("small", of_base=False), search.budget("large", of_base=True)) == (3, 24)
    assert list(search.further_seeds()) == [1001, 1002, 1003]


def test_one_exception_from_the_number_of_trials():
    with pytest.raises(ValidationError, match="base_trials and trials_on each make an exception from trials"):
        Search(trials=8, base_trials=24, trials_on={"small": 12}, space={"training.penalty": Dimension(**LOG)})


@pytest.mark.parametrize(("drawn", "kept"), [(0.9996, 0.9999), (0.50049, 0.5), (0.10004, 0.1), (0.12345, 0.123)])
def test_a_rounded_number_stays_in_its_range(drawn, kept):
    assert Dimension(low=0.1, high=0.9999).rounded(drawn) == kept
