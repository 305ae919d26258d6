"""Every verdict of the protocol."""

import pytest

from ctrbench.metrics.significance import Interval
from ctrbench.report.verdicts import agreement, direction_verdict, value_verdict

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


@pytest.mark.parametrize(
    ("delta", "p", "lower_is_better", "verdict"),
    [
        (0.01, 0.049, False, "improves"),
        (-0.01, 0.049, False, "hurts"),
        (-0.01, 0.049, True, "improves"),
        (0.01, 0.049, True, "hurts"),
        (0.01, 0.05, False, "no difference"),
        (0.01, None, False, None),
        (None, None, False, None),
    ],
)
def test_direction(delta, p, lower_is_better, verdict):
    assert direction_verdict(delta, p, lower_is_better=lower_is_better) == verdict


@pytest.mark.parametrize(
    ("ours", "published_delta", "verdict"),
    [
        ("improves", 0.01, "agrees"),
        ("improves", -0.01, "differs"),
        ("hurts", -0.01, "agrees"),
        ("no difference", 0.01, "differs"),
        ("no difference", 0.0, "agrees"),
        ("improves", None, None),
        (None, 0.01, None),
    ],
)
def test_agreement(ours, published_delta, verdict):
    assert agreement(ours, published_delta) == verdict


def test_agreement_where_lower_is_better():
    assert agreement("improves", -0.01, lower_is_better=True) == "agrees"
    assert agreement("improves", 0.01, lower_is_better=True) == "differs"
