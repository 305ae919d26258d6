"""Every verdict of the protocol."""

import pytest

from ctrbench.metrics.significance import Error, Estimate, Interval
from ctrbench.report.verdicts import agreement, effect_verdict, value_verdict

NARROW = Interval(0.6999, 0.7001)


@pytest.mark.parametrize(
    ("published", "interval", "verdict"),
    [
        (0.7049, NARROW, "within"),
        (0.7051, NARROW, "lower"),
        (0.6949, NARROW, "higher"),
        (0.7100, Interval(0.68, 0.72), "within"),
        (0.7001, None, None),
        (None, NARROW, "not published"),
        (None, None, "not published"),
    ],
)
def test_value(published, interval, verdict):
    assert value_verdict(0.7, interval, published, tolerance=0.005, comparable=True) == verdict


def test_only_the_interval_decides_where_nothing_is_close():
    assert value_verdict(0.7, NARROW, 0.7002, tolerance=0, comparable=True) == "lower"


def test_value_that_cannot_be_compared():
    assert value_verdict(0.7, NARROW, 0.7, tolerance=0.005, comparable=False) == "not comparable"
    assert value_verdict(0.7, NARROW, None, tolerance=0.005, comparable=False) == "not published"


def estimate(value, error=0.001, comparisons=1):
    """With 1,000 seeds, so that t is nearly normal: the 95 % interval is ± 1.96 errors."""
    return Estimate(value, Error(seeds=1000, of_training=error**2), comparisons)


@pytest.mark.parametrize(
    ("value", "margin", "lower_is_better", "verdict"),
    [
        (0.0020, 0.005, False, "improves"),
        (-0.0020, 0.005, False, "hurts"),
        (-0.0020, 0.005, True, "improves"),
        (0.0020, None, True, "hurts"),
        (0.0019, 0.005, False, "equivalent"),
        (0.0019, 0.0036, False, "equivalent"),
        (0.0019, 0.0035, False, "not shown"),
        (-0.0019, 0.0035, False, "not shown"),
        (0.0019, None, False, "not shown"),
    ],
)
def test_effect(value, margin, lower_is_better, verdict):
    assert effect_verdict(estimate(value), margin=margin, lower_is_better=lower_is_better) == verdict


def test_more_comparisons_make_an_effect_harder_to_show():
    assert effect_verdict(estimate(0.0022), margin=None, lower_is_better=False) == "improves"
    assert effect_verdict(estimate(0.0022, comparisons=5), margin=None, lower_is_better=False) == "not shown"


def test_one_seed_shows_nothing():
    assert effect_verdict(Estimate(0.1, None), margin=0.005, lower_is_better=False) is None
    assert effect_verdict(None, margin=0.005, lower_is_better=False) is None


@pytest.mark.parametrize(
    ("effect", "value", "published", "verdict"),
    [
        ("improves", 0.004, 0.02, "agrees"),
        ("improves", 0.004, -0.02, "contradicts"),
        ("hurts", -0.004, -0.004, "agrees"),
        ("improves", -0.004, -0.02, "agrees"),
        ("not shown", 0.001, 0.0029, "open"),
        ("not shown", 0.001, 0.0031, "contradicts"),
        ("equivalent", 0.001, 0.0, "open"),
        ("improves", 0.004, 0.0, "contradicts"),
        ("improves", 0.004, None, None),
        (None, 0.004, 0.01, None),
    ],
)
def test_agreement(effect, value, published, verdict):
    """The 95 % interval is ± 0.00196."""
    assert agreement(effect, estimate(value), published) == verdict
