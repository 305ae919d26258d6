"""Divergences against their definitions, and the null."""

from itertools import islice

import numpy as np
import pytest

from ctrbench.cohorts.divergence import DIVERGENCES, Histograms, divergence, matrix, shuffles

CENTRES = np.array([-3.0, -2.0, -1.0])
ONE, OTHER = np.array([1, 1, 2]), np.array([6, 2, 0])


def by_hand(kind):
    p, q = ONE / 4, OTHER / 8
    if kind == "js":
        m = (p + q) / 2
        half = [sum(a * np.log(a / b) for a, b in zip(x, m, strict=True) if a) for x in (p, q)]
        return sum(half) / 2
    if kind == "kl":
        p, q = (ONE + 0.5) / 5.5, (OTHER + 0.5) / 9.5
        return ((p * np.log(p / q)).sum() + (q * np.log(q / p)).sum()) / 2
    if kind == "wasserstein":
        return np.abs(np.cumsum(p) - np.cumsum(q))[:2].sum()
    return 1 - (p @ q) / np.sqrt((p @ p) * (q @ q))


@pytest.mark.parametrize("kind", DIVERGENCES)
def test_each_is_its_definition(kind):
    assert divergence(ONE, OTHER, kind, CENTRES) == pytest.approx(by_hand(kind))
    assert divergence(OTHER, ONE, kind, CENTRES) == pytest.approx(by_hand(kind))
    assert divergence(ONE, 3 * ONE, kind, CENTRES) == pytest.approx(0, abs=0.05 if kind == "kl" else 1e-9)
    assert np.isnan(divergence(ONE, np.zeros(3, dtype=int), kind, CENTRES))


def test_histograms_share_their_bins_and_count_every_row():
    predictions = np.exp(np.linspace(-5, -1, 4001))
    histograms = Histograms(predictions, 4)
    codes = np.where(np.arange(4001) < 2000, 0, 1)
    codes[:100] = -1
    counts = histograms.of(codes, 3)
    assert counts.sum(1).tolist() == [1900, 2001, 0]
    assert counts[0, 2:].sum() == counts[1, :1].sum() == 0
    assert histograms.edges[[0, -1]] == pytest.approx([-4.996, -1.004], abs=1e-3)


def test_a_constant_prediction_has_one_bin():
    histograms = Histograms(np.full(10, 0.3), 5)
    assert histograms.of(np.arange(10) % 2, 2).tolist() == [[5, 0, 0, 0, 0], [5, 0, 0, 0, 0]]


def test_the_matrix_is_symmetric_with_a_zero_diagonal():
    found = matrix(np.array([ONE, OTHER, [4, 4, 4]]), "js", CENTRES)
    assert (found == found.T).all()
    assert (np.diag(found) == 0).all()
    assert found[0, 1] == pytest.approx(by_hand("js"))


def test_shuffling_keeps_units_whole_and_cohorts_as_large():
    generator = np.random.default_rng(0)
    units = generator.integers(0, 300, 5000)
    codes = (units % 3) - 1
    drawn = next(shuffles(codes, units, generator))
    per_unit = {(unit, code) for unit, code in zip(units.tolist(), drawn.tolist(), strict=True)}
    assert len(per_unit) == len(set(units.tolist()))
    assert (drawn != codes).mean() > 0.5
    _, first = np.unique(units, return_index=True)
    assert sorted(drawn[first].tolist()) == sorted(codes[first].tolist())


def test_shuffling_keeps_what_differs_within_a_unit_as_uneven_as_it_was():
    units, codes = np.repeat(np.arange(200), 10), np.zeros(2000, np.int64)
    codes[:1000] = np.tile([0, 1], 500)
    drawn = next(shuffles(codes, units, np.random.default_rng(0))).reshape(200, 10)
    assert sorted(drawn.sum(1).tolist()) == [0] * 100 + [5] * 100
    assert sorted(map(tuple, drawn.tolist())) == sorted(map(tuple, codes.reshape(200, 10).tolist()))


def test_a_unit_with_more_rows_than_the_other_takes_its_codes_again_from_the_first():
    units, codes = np.array([0, 1, 1, 1, 0]), np.array([1, 2, 3, 4, 5])
    swapped = {tuple(drawn.tolist()) for drawn in islice(shuffles(codes, units, np.random.default_rng(0)), 20)}
    assert swapped == {(1, 2, 3, 4, 5), (2, 1, 5, 1, 3)}
