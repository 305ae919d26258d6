"""A small recipe of fake components."""

from ctrbench.recipe.recipe import Recipe


def recipe(**changes) -> Recipe:
    """``toy-table``: plain and weighted on net and toy, two seeds of four epochs; ``changes`` are top-level keys."""
    document = {
        "name": "toy-table",
        "title": "A toy",
        "datasets": ["toy"],
        "backbones": ["net"],
        "methods": ["plain", "weighted"],
        "seeds": 2,
        "training": {"epochs": 4},
    }
    return Recipe.read({**document, **changes}, "toy-table")
