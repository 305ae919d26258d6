"""What holds for every registered metric, and how one is added."""

import math
import sys

import numpy as np
import pytest

from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.metrics.measure import measure
from ctrbench.metrics.sample import Sample

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


@pytest.fixture(params=METRICS.names())
def metric(request):
    return METRICS.get(request.param)


def test_a_metric_declares_itself(metric):
    assert issubclass(metric, Metric)
    assert METRICS.get(metric.name) is metric
    assert metric.label
    assert metric.reading.endswith(".")
    assert metric.reading.count(". ") == 0  # one sentence
    assert metric.direction in ("higher", "lower", "one")
    assert metric.tolerance >= 0
    assert metric.low < metric.high


def test_values_are_plain_and_sound(metric, sample):
    codes = np.random.default_rng(9).integers(-1, 5, 400)
    values = metric.by_group(sample, codes, 7)
    assert [type(value) for value in values] == [float] * 5 + [type(None)] * 2
    assert all(metric.sound(value) for value in values)
    assert metric.overall(sample) == pytest.approx(metric.by_group(sample, np.zeros(400, int), 1)[0], rel=1e-12)


def test_a_group_is_measured_by_its_rows_alone(metric, sample):
    codes = np.random.default_rng(9).integers(-1, 5, 400)
    moved = np.where(codes == 2, codes, -1)
    assert metric.by_group(sample, moved, 5)[2] == metric.by_group(sample, codes, 5)[2]


def test_the_order_of_rows_does_not_matter(metric, sample):
    codes, order = np.random.default_rng(9).integers(-1, 5, 400), np.random.default_rng(10).permutation(400)
    shuffled = Sample(sample.label[order], sample.score[order], sample.user[order])
    assert metric.by_group(shuffled, codes[order], 5) == pytest.approx(metric.by_group(sample, codes, 5), rel=1e-12)


def test_better_predictions_have_better_values(metric, sample):
    """True probabilities against the same, shrunk for positives and raised for negatives."""
    worse = Sample(sample.label, np.clip(sample.score - 0.3 * sample.label + 0.2, 0, 1), sample.user)
    assert metric.goodness(metric.overall(sample)) > metric.goodness(metric.overall(worse)) > -math.inf
    assert metric.goodness(None) == -math.inf


def test_values_out_of_bounds_are_not_sound(metric):
    assert metric.sound(None)
    for damaged in (math.nan, math.inf, -math.inf, metric.low - 0.001, metric.high + 0.001):
        assert not metric.sound(damaged)


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
