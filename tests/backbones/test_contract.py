"""Every registered backbone; a new one is tested by being registered."""

import pytest

from ctrbench.backbones import BACKBONES
from ctrbench.testing import BackboneContract
from ctrbench.testing.runs import start

for registered in BACKBONES.names():
    cases = {"backbone": registered, "__module__": __name__}
    globals()[f"Test_{registered}"] = type(f"Test_{registered}", (BackboneContract,), cases)


INITIAL = {
    "wide-deep": 1308.509221,
    "deepfm": 1308.509221,
    "din": 1596.731729,
    "dcn-v2": 5317.741658,
    "autoint": 2390.210602,
    "wukong": 12524.183418,
    "dhen": 17758.662918,
    "embeddings": 52.549922,
    "mlp": 1307.049424,
    "single-task": 1724.471005,
    "shared-bottom": 1724.471005,
    "shared-mlp": 1432.423116,
    "omoe": 3795.706238,
    "mmoe": 3795.706238,
    "ple": 5964.283150,
    "esmm": 272.512763,
    "aitm": 623.602557,
    "fdn": 5082.274558,
}
"""Sum of the absolute initial weights of seed 0. A change here changes every record: count up ALGORITHM_VERSION."""


@pytest.mark.parametrize("name", BACKBONES.names())
def test_initial_weights_are_those_of_the_committed_records(name, small):
    run = start(name, "plain", small)
    total = sum(p.detach().abs().sum().item() for p in run.backbone.parameters())
    assert total == pytest.approx(INITIAL[name], rel=1e-5)
