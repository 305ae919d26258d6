"""What every metric must do.

Shape:
    n rows, G groups.
"""

import math
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from ctrbench.metrics import METRICS
from ctrbench.metrics.base import Metric
from ctrbench.metrics.sample import Sample

ROWS = 400


class MetricContract:
    """A subclass names a registered metric."""

    metric: ClassVar[str]

    @pytest.fixture
    def chosen(self) -> type[Metric]:
        """The metric."""
        return METRICS.get(self.metric)

    @pytest.fixture
    def sample(self) -> Sample:
        """Labels drawn by the probabilities that score them."""
        random = np.random.default_rng(8)
        probability = random.random(ROWS)
        label, user = random.random(ROWS) < probability, random.integers(0, 30, ROWS)
        converted = label & (random.random(ROWS) < probability)
        return Sample(label, probability, user, truth=probability, real=probability, converted=converted)

    @pytest.fixture
    def codes(self) -> np.ndarray:
        """Five groups, and rows outside every group."""
        return np.random.default_rng(9).integers(-1, 5, ROWS)

    def test_it_declares_itself(self, chosen: type[Metric]) -> None:
        assert issubclass(chosen, Metric)
        assert chosen.name == self.metric
        assert chosen.label
        assert chosen.reading.endswith(".")
        assert chosen.reading.count(". ") == 0  # one sentence
        assert chosen.direction in ("higher", "lower", "one")
        assert chosen.tolerance >= 0
        assert chosen.low < chosen.high

    def test_values_are_plain_and_sound(self, chosen: type[Metric], sample: Sample, codes: np.ndarray) -> None:
        values = chosen.by_group(sample, codes, 7)
        assert [type(value) for value in values] == [float] * 5 + [type(None)] * 2
        assert all(chosen.sound(value) for value in values)
        (whole,) = chosen.by_group(sample, np.zeros(ROWS, int), 1)
        assert chosen.overall(sample) == pytest.approx(whole, rel=1e-12)

    def test_a_group_is_measured_by_its_rows_alone(
        self, chosen: type[Metric], sample: Sample, codes: np.ndarray
    ) -> None:
        alone = np.where(codes == 2, codes, -1)
        assert chosen.by_group(sample, alone, 5)[2] == chosen.by_group(sample, codes, 5)[2]

    def test_the_order_of_rows_does_not_matter(self, chosen: type[Metric], sample: Sample, codes: np.ndarray) -> None:
        order = np.random.default_rng(10).permutation(ROWS)
        assert sample.user is not None
        assert sample.truth is not None
        assert sample.real is not None
        assert sample.converted is not None
        known = {name: getattr(sample, name)[order] for name in ("truth", "real", "converted")}
        shuffled = Sample(sample.label[order], sample.score[order], sample.user[order], **known)
        found = chosen.by_group(shuffled, codes[order], 5)
        assert found == pytest.approx(chosen.by_group(sample, codes, 5), rel=1e-12)

    def test_better_predictions_have_better_values(self, chosen: type[Metric], sample: Sample) -> None:
        """True probabilities against the same, shrunk for positives and raised for negatives."""
        assert sample.converted is not None
        score = np.clip(sample.score - 0.3 * sample.label - 0.1 * sample.converted + 0.2, 0, 1)
        worse = replace(sample, score=score)
        assert chosen.goodness(chosen.overall(sample)) > chosen.goodness(chosen.overall(worse)) > -math.inf
        assert chosen.goodness(None) == -math.inf

    def test_within_a_single_group_is_the_group(self, chosen: type[Metric], sample: Sample) -> None:
        """For a metric that compares rows; others have no such value."""
        value = chosen.within(sample, np.where(np.arange(ROWS) % 3, 0, -1), 1)
        (own,) = chosen.by_group(sample, np.where(np.arange(ROWS) % 3, 0, -1), 1)
        assert value is None or value == pytest.approx(own, rel=1e-12)
        assert chosen.sound(value)

    def test_values_out_of_bounds_are_not_sound(self, chosen: type[Metric]) -> None:
        assert chosen.sound(None)
        for damaged in (math.nan, math.inf, -math.inf, chosen.low - 0.001, chosen.high + 0.001):
            assert not chosen.sound(damaged)
