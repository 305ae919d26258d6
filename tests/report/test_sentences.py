"""Every effect of a paper that ours contradicts or leaves open has its sentence."""

import pytest

from ctrbench.metrics.significance import Error, Estimate
from ctrbench.report.cells import Cell
from ctrbench.report.sentences import told


def cell(agreement, published_delta, *, users=0.0001, variant=""):
    error = Error(seeds=5, of_training=0.002**2, of_users=users**2, blocks=50)
    return Cell(
        *("table", "beauty", "din", "aqcl", "click", "activeness", "non-active", "auc"),
        seeds=5,
        mean=0.7,
        variant=variant,
        difference=Estimate(0.001, error),
        published_delta=published_delta,
        agreement=agreement,
    )


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        (
            cell("contradicts", 0.0107),
            "aqcl, non-active: the paper's +0.0107 lies outside our +0.0010 [-0.0045, +0.0065].",
        ),
        (
            cell("open", 0.006, variant="no user ID"),
            "aqcl (no user ID), non-active: the paper's +0.0060 lies inside our +0.0010 [-0.0045, +0.0065]; about 12 "
            "seeds would tell it from 0.",
        ),
        (
            cell("open", 0.006, users=0.002),
            "aqcl, non-active: the paper's +0.0060 lies inside our +0.0010 [-0.0050, +0.0070]; no number of seeds "
            "would tell it from 0, since the sample of test users is too small.",
        ),
        (
            cell("open", 0.0),
            "aqcl, non-active: the paper's +0.0000 lies inside our +0.0010 [-0.0045, +0.0065]; the paper's methods do "
            "not differ.",
        ),
    ],
)
def test_the_sentence_of_a_cell(shown, sentence):
    assert told([shown], "the paper") == [sentence]


def test_what_agrees_needs_no_sentence():
    assert told([cell("agrees", 0.01), cell(None, None)], "the paper") == []
