"""The statistics of a distribution, by hand and against scipy."""

import numpy as np
import pytest
from scipy import stats

from ctrbench.metrics.distribution import BINS, EDGES, LARGEST, SMALL, Distribution


def test_four_weights_by_hand():
    found = Distribution.of(np.array([[-0.2, 0.0005], [0.0, 0.2]]))
    # Squares 0.04, 0, 0, 0.04 around 0.000125; shares 0.2, 0.0005 and 0.2 of 0.4005.
    assert found.size == 4
    assert found.std == pytest.approx(np.sqrt(0.08000025 / 4 - 0.000125**2))
    # Fourth powers 0.0016, 0, 0, 0.0016 over 4 are twice the square of the variance, 0.02.
    assert found.kurtosis == pytest.approx(2 - 3, abs=1e-4)
    assert found.near_zero == 0.5
    shares = np.array([0.2, 0.0005, 0.2]) / 0.4005
    assert found.entropy == pytest.approx(-sum(share * np.log(share) for share in shares))
    places = [int(np.flatnonzero(value >= EDGES)[-1]) for value in (-0.2, 0.0005, 0.0, 0.2)]
    assert {place: count for place, count in enumerate(found.counts) if count} == {
        places[0]: 1,
        places[1]: 2,
        places[3]: 1,
    }
    assert places[1] == places[2] == BINS // 2


def test_against_scipy():
    weights = np.random.default_rng(0).standard_t(5, size=(50, 40)).astype(np.float32) * 0.05
    found, flat = Distribution.of(weights), weights.astype(np.float64).ravel()
    assert found.std == pytest.approx(flat.std())
    assert found.kurtosis == pytest.approx(stats.kurtosis(flat))
    assert found.near_zero == np.mean(np.abs(flat) < SMALL)
    assert found.entropy == pytest.approx(stats.entropy(np.abs(flat)))
    assert np.array_equal(found.counts, np.histogram(flat, EDGES)[0])


def test_equal_weights_have_no_kurtosis_and_the_largest_entropy():
    found = Distribution.of(np.full(1000, 0.1, dtype=np.float32))
    assert (found.std, found.kurtosis) == (0, None)
    assert found.entropy == pytest.approx(np.log(1000))


def test_zeros_have_no_entropy():
    found = Distribution.of(np.zeros(3))
    assert (found.near_zero, found.entropy, found.counts[BINS // 2]) == (1, None, 3)


def test_weights_beyond_the_bins_count_in_the_outermost():
    found = Distribution.of(np.array([-1e9, -LARGEST, LARGEST, 1e9]))
    assert (found.counts[0], found.counts[-1], sum(found.counts)) == (2, 2, 4)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="not finite"):
        Distribution.of(np.array([0.0, bad]))
