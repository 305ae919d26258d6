"""Intervals and tests against scipy, Holm by hand, RelaImpr against the paper's own table."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

from ctrbench.metrics.relaimpr import relaimpr, relaimpr_by_seed
from ctrbench.metrics.significance import (
    Interval,
    holm,
    mean_interval,
    paired_difference,
    standard_deviation,
    t_quantile,
    t_tail,
)

BASE = np.array([0.7012, 0.6987, 0.7034, 0.6995, 0.7021])
METHOD = np.array([0.7051, 0.7049, 0.7060, 0.7048, 0.7072])


def test_paired_difference_equals_scipy():
    found, expected = paired_difference(METHOD, BASE), stats.ttest_rel(METHOD, BASE)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.delta == pytest.approx(METHOD.mean() - BASE.mean(), abs=1e-15)
    assert found.interval == pytest.approx(expected.confidence_interval(0.95), abs=1e-12)


@pytest.mark.parametrize("degrees", [1, 2, 4, 9, 30, 1000, 3.7, 58.25])
def test_students_t_equals_scipy(degrees):
    for probability in (0.001, 0.05, 0.5, 0.9, 0.95, 0.975, 0.9995):
        expected = stats.t.ppf(probability, degrees)
        assert t_quantile(probability, degrees) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    for value in (-3.0, 0.0, 0.1, 1.0, 2.776, 12.5, 80.0):
        assert t_tail(value, degrees) == pytest.approx(stats.t.sf(value, degrees), rel=1e-12)


def test_importing_significance_imports_no_scipy():
    """Scipy costs more than a whole report may."""
    code = "import sys, ctrbench.metrics.significance; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_mean_interval_equals_scipy():
    expected = stats.t.interval(0.95, 4, loc=BASE.mean(), scale=stats.sem(BASE))
    assert mean_interval(BASE) == pytest.approx(expected, abs=1e-15)
    assert standard_deviation(BASE) == pytest.approx(np.std(BASE, ddof=1))


def test_one_seed_has_neither_interval_nor_p():
    found = paired_difference(METHOD[:1], BASE[:1])
    assert (found.interval, found.p) == (None, None)
    assert found.delta == pytest.approx(0.0039)
    assert mean_interval(BASE[:1]) is None
    assert standard_deviation(BASE[:1]) is None


@pytest.mark.parametrize(("shift", "p"), [(0.0, 1.0), (0.25, 0.0)])
def test_equal_differences(shift, p):
    base = np.array([0.5, 0.75, 0.625])
    assert paired_difference(base + shift, base).p == p


def test_holm_by_hand():
    # Ascending .01 .02 .03 times 3 2 1 gives .03 .04 .03; the last may not fall below the one before it.
    assert holm([0.02, 0.01, 0.03]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([0.7, 0.6]) == [1.0, 1.0]


def test_holm_counts_known_values_only():
    assert holm([None, 0.02, None, 0.5]) == [None, 0.04, None, 0.5]
    assert holm([]) == []


def test_interval_contains_its_ends():
    assert 0.7 in Interval(0.7, 0.8)
    assert 0.81 not in Interval(0.7, 0.8)


@pytest.mark.parametrize(("auc", "base", "published"), [(0.7053, 0.6956, 4.96), (0.6929, 0.6956, -1.38)])
def test_relaimpr_is_the_papers(auc, base, published):
    assert relaimpr(auc, base) == pytest.approx(published, abs=0.005)


def test_relaimpr_needs_a_base_above_chance():
    assert relaimpr(0.6, 0.5) is None
    assert relaimpr_by_seed(METHOD, np.full(5, 0.4)) is None


def test_relaimpr_by_seed_has_the_relaimpr_of_the_means_as_its_mean():
    found = relaimpr_by_seed(METHOD, BASE)
    assert found.mean() == pytest.approx(relaimpr(METHOD.mean(), BASE.mean()), abs=1e-10)
    assert found.std() > 0


def test_relaimpr_by_seed_has_no_spread_where_the_ratio_is_constant():
    doubled = 0.5 + 2 * (BASE - 0.5)
    assert relaimpr_by_seed(doubled, BASE) == pytest.approx(np.full(5, 100.0))
