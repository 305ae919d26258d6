"""Intervals and tests against scipy and by simulation, RelaImpr against the paper's own table."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ctrbench.metrics.ne_diff import ne_diff_by_seed
from ctrbench.metrics.relaimpr import relaimpr, relaimpr_by_seed
from ctrbench.metrics.significance import Error, Estimate, Interval, standard_deviation, t_quantile, t_tail

BASE = np.array([0.7012, 0.6987, 0.7034, 0.6995, 0.7021])
METHOD = np.array([0.7051, 0.7049, 0.7060, 0.7048, 0.7072])


def estimate(values, without_blocks=None, comparisons=1):
    return Estimate(float(np.mean(values)), Error.of(np.asarray(values), without_blocks), comparisons)


def test_without_the_users_error_it_is_the_paired_t_test():
    found, expected = estimate(METHOD - BASE), stats.ttest_rel(METHOD, BASE)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.interval == pytest.approx(expected.confidence_interval(0.95), abs=1e-12)
    assert found.at(0.9) == pytest.approx(expected.confidence_interval(0.9), abs=1e-12)


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


def test_one_seed_has_neither_interval_nor_p():
    found = estimate(METHOD[:1] - BASE[:1], np.ones((1, 50)))
    assert (found.interval, found.p, found.detectable, found.lies_within(1), found.seeds_to_separate(1)) == (
        *(None, None, None),
        False,
        None,
    )
    assert found.value == pytest.approx(0.0039)
    assert standard_deviation(BASE[:1]) is None


@pytest.mark.parametrize(("shift", "p"), [(0.0, 1.0), (0.25, 0.0)])
def test_differences_that_do_not_vary(shift, p):
    assert estimate(np.full(3, shift)).p == p


def test_the_jackknife_of_a_mean_is_its_standard_error():
    """Blocks of one value each: the jackknife of a mean is the textbook's formula."""
    values = np.random.default_rng(0).normal(size=50)
    left = (values.sum() - values) / 49
    error = Error.of(np.array([values.mean()] * 2), np.stack([left, left]))
    assert error.of_users == pytest.approx(values.var(ddof=1) / 50)
    assert (error.of_training, error.blocks, error.degrees) == (0.0, 50, pytest.approx(49))


def test_a_block_without_rows_counts_for_nothing():
    random = np.random.default_rng(4)
    values = random.normal(0.7, 0.01, 5)
    left = values[:, None] + random.normal(0, 0.001, 8)
    empty = np.concatenate([left, np.repeat(values[:, None], 42, axis=1)], axis=1)
    assert Error.of(values, empty) == Error.of(values, left)
    assert Error.of(values, left).blocks == 8
    none = Error.of(values, np.repeat(values[:, None], 50, axis=1))
    assert (none.of_users, none.degrees) == (0.0, 4)


def test_users_too_few_for_a_jackknife_leave_no_error():
    """A single block holds all rows that matter, or the value is undefined without one of them."""
    values = np.array([0.7, 0.71, 0.69])
    single = np.repeat(values[:, None], 50, axis=1)
    single[:, 7] = np.nan
    assert Error.of(values, single) is None
    single[:, 7] = 0.6
    assert Error.of(values, single) is None
    found = estimate(values, single)
    assert (found.interval, found.p, found.detectable) == (None, None, None)


def test_variances_add_up_with_satterthwaites_degrees():
    error = Error(seeds=5, of_training=4.0, of_users=1.0, blocks=50)
    assert error.variance == 5.0
    assert error.degrees == pytest.approx(25 / (16 / 4 + 1 / 49))
    assert error.half_width() == pytest.approx(stats.t.ppf(0.975, error.degrees) * 5**0.5)
    assert error.half_width(0.95, 10) == pytest.approx(stats.t.ppf(1 - 0.025 / 10, error.degrees) * 5**0.5)
    assert error.scaled(-3).variance == pytest.approx(45)
    assert error.with_seeds(20).variance == pytest.approx(2.0)


def test_the_interval_covers_the_truth_where_seeds_and_users_both_vary():
    """5 seeds and 50 blocks, as in a table: the true difference is 0."""
    random, runs = np.random.default_rng(7), 2000
    covered = 0
    for _ in range(runs):
        users, seeds = random.normal(0, 1, 50), random.normal(0, 0.2, 5)
        left = (users.sum() - users) / 49
        found = estimate(users.mean() + seeds, left + seeds[:, None])
        covered += 0 in found.interval
    assert 0.94 < covered / runs < 0.97


@given(
    value=st.floats(-1, 1),
    training=st.floats(1e-9, 1),
    users=st.one_of(st.none(), st.floats(1e-9, 1)),
    seeds=st.integers(2, 20),
    comparisons=st.integers(1, 20),
)
def test_p_and_interval_never_disagree(value, training, users, seeds, comparisons):
    found = Estimate(value, Error(seeds, training, users, 50 if users else 0), comparisons)
    if abs(found.p - 0.05) > 1e-9:
        assert (found.p < 0.05) == (0 not in found.interval)


def test_the_detectable_effect_is_found_four_times_in_five():
    random, error = np.random.default_rng(3), Error(seeds=8, of_training=1 / 8)
    effect = Estimate(0.0, error, comparisons=4).detectable
    found = 0
    for _ in range(2000):
        found += estimate(effect + random.normal(size=8), comparisons=4).p < 0.05
    assert 0.75 < found / 2000 < 0.86


def test_two_one_sided_tests_are_the_90_percent_interval():
    values = 0.001 + 0.002 * np.array([-1, -0.5, 0, 0.5, 1])
    high = stats.t.interval(0.9, 4, loc=values.mean(), scale=stats.sem(values))[1]
    assert estimate(values).lies_within(high + 1e-9)
    assert not estimate(values).lies_within(high - 1e-9)
    # Neither test is corrected for the number of comparisons.
    assert estimate(values, comparisons=50).lies_within(high + 1e-9)


def test_seeds_that_separate_an_effect_from_0():
    found = Estimate(0.0, Error(seeds=5, of_training=0.004**2, of_users=0.001**2, blocks=50))
    seeds = found.seeds_to_separate(0.01)
    assert found.error.with_seeds(seeds).half_width() < 0.005 <= found.error.with_seeds(seeds - 1).half_width()
    assert found.seeds_to_separate(-0.01) == seeds
    # 2 times 1.96 times the users' error is more than this effect.
    assert found.seeds_to_separate(0.0035) is None


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


def test_ne_diff_by_seed_has_the_ne_diff_of_the_means_as_its_mean():
    found = ne_diff_by_seed(METHOD, BASE)
    assert found.mean() == pytest.approx((METHOD.mean() / BASE.mean() - 1) * 100, abs=1e-10)
    assert found.std() > 0
    assert ne_diff_by_seed(0.9 * BASE, BASE) == pytest.approx(np.full(5, -10.0))


def test_ne_diff_needs_a_base_and_seeds():
    assert ne_diff_by_seed(METHOD, np.zeros(5)) is None
    assert ne_diff_by_seed(np.array([]), np.array([])) is None
