"""What holds for every registered metric, and how one is added."""

import sys

import numpy as np
import pytest

from ctrbench.metrics import METRICS
from ctrbench.metrics.measure import measure
from ctrbench.metrics.sample import Sample
from ctrbench.testing import MetricContract

BRIER = '''
import numpy as np
from ctrbench.metrics.base import Metric, ratios


class Brier(Metric):
    """Mean squared error of the probabilities."""

    name = "brier"
    label = "Brier score"
    direction = "lower"
    needs_probabilities = True
    high = 1.0
    reading = "The Brier score is the mean squared error of the probabilities; lower is better."

    @classmethod
    def by_group(cls, sample, codes, groups):
        error = np.bincount(codes + 1, (sample.score - sample.label) ** 2, groups + 1)[1:]
        return ratios(error, sample.totals(codes, groups).rows)
'''


@pytest.fixture
def sample():
    random = np.random.default_rng(8)
    probability = random.random(400)
    return Sample(random.random(400) < probability, probability, random.integers(0, 30, 400))


@pytest.fixture
def registry(monkeypatch):
    """What is registered in a test is gone after it."""
    monkeypatch.setattr(METRICS, "_loaded", dict(METRICS._loaded))
    return METRICS


for registered in METRICS.names():
    cases = {"metric": registered, "__module__": __name__}
    globals()[f"Test_{registered}"] = type(f"Test_{registered}", (MetricContract,), cases)


def test_auc_alone_has_a_tolerance():
    assert {name: METRICS.get(name).tolerance for name in METRICS.names() if METRICS.get(name).tolerance} == {
        "auc": 0.005
    }


def test_a_metric_is_added_by_the_decorator(registry, sample):
    scope = {}
    exec(BRIER, scope)
    brier = registry.register("brier")(scope["Brier"])
    measured = measure(sample, {"half": (np.arange(400) % 2, ["even", "odd"])})
    assert list(measured.values)[-1] == brier.name == "brier"
    squared = (sample.score - sample.label) ** 2
    assert measured.values["brier"]["overall"] == [pytest.approx(squared.mean())]
    assert measured.values["brier"]["half"] == pytest.approx([squared[::2].mean(), squared[1::2].mean()])


def test_a_metric_is_added_by_an_installed_distribution(registry, sample, tmp_path, monkeypatch):
    """One module and its entry point: what pip leaves of another package."""
    (tmp_path / "outside_brier.py").write_text(BRIER)
    info = tmp_path / "outside_brier-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-brier\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ctrbench.metrics]\nbrier = outside_brier:Brier\n")
    monkeypatch.syspath_prepend(tmp_path)
    try:
        assert "brier" in registry.names()
        values = measure(sample, {}).values
    finally:
        sys.modules.pop("outside_brier", None)
    assert values["brier"]["overall"] == [pytest.approx(((sample.score - sample.label) ** 2).mean())]
