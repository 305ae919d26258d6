"""Settings that backbones share."""

import pytest

from ctrbench.backbones.base import DeepSettings
from ctrbench.backbones.multitask.shared_bottom import SharedBottomSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods.deepmcp import DeepMCP


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        (DeepSettings, {"hidden": [8, 0]}),
        (DeepSettings, {"hidden": [-1]}),
        (SharedBottomSettings, {"tower": [0]}),
        (DeepMCP.Settings, {"tower": [4, 0]}),
    ],
)
def test_a_layer_without_units_would_predict_a_constant(settings, values):
    with pytest.raises(CtrbenchError, match="every layer has at least one unit"):
        settings.read(values, "here")
