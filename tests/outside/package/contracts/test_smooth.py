"""What ctrbench asks of a method, a backbone and a metric, and that the search space names settings that exist."""

import tomllib
from pathlib import Path

from ctrbench.methods import METHODS
from ctrbench.testing import BackboneContract, MethodContract, MetricContract


class TestSmooth(MethodContract):
    method = "smooth"
    backbones = ("din", "chain")


class TestLabelAgain(MethodContract):
    method = "label-again"
    backbones = ("din",)


class TestChain(BackboneContract):
    backbone = "chain"


class TestBrier(MetricContract):
    metric = "brier"


def test_the_search_space_is_of_the_methods_settings():
    recipe = tomllib.loads((Path(__file__).parents[1] / "smooth.toml").read_text("utf-8"))
    paths = [path.removeprefix("methods.smooth.") for path in recipe["search"]["space"] if ".smooth." in path]
    assert paths
    assert set(paths) <= set(METHODS.get("smooth").Settings.model_fields)
