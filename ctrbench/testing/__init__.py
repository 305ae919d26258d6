"""Contract tests: what every method, backbone and metric must do, whichever package registers it.

One class per kind. Inherit from it in a test file; pytest collects the tests of the base class::

    from ctrbench.testing import MethodContract

    class TestMine(MethodContract):
        method = "mine"

Source of the shape: the component tests of lenskit (``lenskit.testing``).
"""

import pytest

pytest.register_assert_rewrite("ctrbench.testing.backbones", "ctrbench.testing.methods", "ctrbench.testing.metrics")

from ctrbench.testing.backbones import BackboneContract  # noqa: E402
from ctrbench.testing.methods import MethodContract  # noqa: E402
from ctrbench.testing.metrics import MetricContract  # noqa: E402

__all__ = ["BackboneContract", "MethodContract", "MetricContract"]
