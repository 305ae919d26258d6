"""Which pairs are found, on rows made by hand: 4 cohorts of 250 users, with 8 rows each."""

from dataclasses import replace

import numpy as np
import pytest

from ctrbench.cohorts.axis import read_axis
from ctrbench.cohorts.discover import Judged, Options, discover
from ctrbench.cohorts.divergence import divergence
from ctrbench.errors import CtrbenchError
from ctrbench.testing.data import dataset

MEANS = (-2.0, -1.9, -1.0, -3.0)
"""Of the log predictions of each cohort."""


@pytest.fixture
def prepared():
    return dataset("small")


def judged(means=MEANS, ratios=(0.1, 0.2, 0.3, 0.05), sizes=(250,) * 4, seed=0):
    generator = np.random.default_rng(seed)
    of_user = np.repeat(np.arange(len(means)), sizes)
    users = np.repeat(np.arange(len(of_user)), 8)
    codes = of_user[users]
    hashes = generator.permutation(1 << 20)[: len(of_user)][users].astype(np.int64)
    return Judged(
        predictions=np.exp(np.minimum(np.array(means)[codes] + 0.3 * generator.standard_normal(len(codes)), -1e-3)),
        labels=generator.random(len(codes)) < np.array(ratios)[codes],
        factors=codes[:, None],
        units={"user": users, "item": codes},
        hashes={"user": hashes, "item": hashes, "row": hashes},
    )


def found(prepared, rows, **options):
    axis = read_axis("random_user/4", prepared)
    return discover(rows, axis, prepared.manifest, Options(shuffles=20, **options))


@pytest.mark.parametrize("kind", ["js", "kl", "wasserstein", "cosine"])
def test_the_most_and_the_least_divergent_pair(prepared, kind):
    discovery = found(prepared, judged(), divergence=kind)
    names = [group.name for group in discovery.axis.groups]
    pairs = {pair.pair: {pair.head.name, pair.tail.name} for pair in discovery.found.pairs}
    # All but disjoint histograms are equally far apart for all but Wasserstein.
    assert pairs["divergent"] == {names[2], names[3]}
    assert pairs["least"] == {names[0], names[1]}


def test_the_null_is_near_zero_and_the_found_pair_far_above(prepared):
    discovery = found(prepared, judged())
    pair = discovery.found.pairs[0]
    assert pair.divergence > 0.5
    assert 0 < pair.null < 0.05
    assert discovery.p[2, 3] == pytest.approx(1 / 21)


def test_alike_cohorts_are_not_told_from_shuffled_ones(prepared):
    discovery = found(prepared, judged(means=(-2.0,) * 4))
    off = ~np.eye(4, dtype=bool)
    assert discovery.divergences[off].max() < 3 * discovery.null[off].mean()
    assert discovery.p[off].max() > 0.2


def test_the_choice_of_the_most_divergent_pair_is_no_evidence(prepared):
    """Of six pairs of alike cohorts one is always the most divergent: over many logs its p is uniform, not small."""
    p = []
    for seed in range(20):
        discovery = found(prepared, judged(means=(-2.0,) * 4, seed=seed))
        pair = discovery.found.pairs[0]
        p.append(discovery.p[discovery.place(pair.head), discovery.place(pair.tail)])
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 2 / 21) <= 0.25


def test_random_cohorts_are_as_large_as_the_divergent_ones_and_apart(prepared):
    rows = judged(sizes=(300, 100, 500, 100))
    pairs = {pair.pair: pair for pair in found(prepared, rows).found.pairs}
    for which in ("head", "tail"):
        drawn, like = getattr(pairs["random"], which), getattr(pairs["divergent"], which)
        assert drawn.share == pytest.approx(like.share, abs=0.01)
    assert pairs["random"].head.rule[0].startswith("random_user in 0..")
    ends = [rule[0].partition(" in ")[2].split("..") for rule in (pairs["random"].head.rule, pairs["random"].tail.rule)]
    assert int(ends[1][0]) == int(ends[0][1]) + 1
    assert pairs["random"].divergence < 0.02


def test_small_cohorts_are_left_out(prepared):
    rows = judged(sizes=(400, 400, 190, 10))
    pair = found(prepared, rows).found.pairs[0]
    names = [group.name for group in read_axis("random_user/4", prepared).groups]
    assert names[3] not in (pair.head.name, pair.tail.name)
    empty = judged(sizes=(400, 400, 200, 0))
    assert names[3] not in [
        each.name for pair in found(prepared, empty, least_share=0.0).found.pairs for each in (pair.head, pair.tail)
    ]
    with pytest.raises(CtrbenchError, match="fewer than two groups have 45% of the 8,000 rows of the search holdout"):
        found(prepared, rows, least_share=0.45)


def test_users_that_differ_do_not_make_a_product_of_users_and_rows_look_divergent(prepared):
    """The rows of a user share the level of prediction: a shuffle over rows would find 0.05 in most of these worlds."""
    generator = np.random.default_rng(1)
    axis = read_axis("random_user/3*random_row/2", prepared)
    users = np.repeat(np.arange(120), 20)
    numbers = np.arange(len(users), dtype=np.int64)
    found = []
    for _ in range(20):
        level, factor = generator.normal(-2, 0.5, 120), generator.permutation(120) % 3
        rows = Judged(
            predictions=np.exp(np.minimum(level[users], -1e-3)),
            labels=generator.random(len(users)) < 0.2,
            factors=np.stack([factor[users], generator.integers(0, 2, len(users))], 1),
            units={"user": users, "item": users},
            hashes=dict.fromkeys(("user", "item", "row"), numbers),
        )
        p = discover(rows, axis, prepared.manifest, Options(shuffles=19, bins=20)).p
        found.append(p[np.triu_indices(len(p), 1)].min())
    assert np.mean(np.array(found) <= 0.1) <= 0.3


def test_two_random_sets_need_more_than_one_user(prepared):
    rows = judged()
    same = replace(rows, hashes={**rows.hashes, "user": np.zeros_like(rows.hashes["user"])})
    with pytest.raises(CtrbenchError, match="too few users for two random sets as large as its cohorts"):
        found(prepared, same)


def test_the_head_has_more_positives_only_where_that_can_be_compared(prepared):
    sampled = found(prepared, judged())
    assert sampled.comparable is False
    assert sampled.found.head_is == "the later on the axis"
    assert sampled.found.pairs[0].head.name == sampled.axis.groups[3].name
    negatives = prepared.manifest.negatives.model_copy(update={"source": "impressions"})
    manifest = prepared.manifest.model_copy(update={"negatives": negatives})
    shown = discover(judged(), sampled.axis, manifest, Options(shuffles=2))
    assert shown.comparable
    assert shown.found.pairs[0].head.name == shown.axis.groups[2].name
    assert shown.found.pairs[0].head.positive_ratio > shown.found.pairs[0].tail.positive_ratio


def test_the_file_holds_the_predictions_that_were_compared(prepared):
    discovery = found(prepared, judged())
    for pair in discovery.found.pairs:
        counts = [np.array(cohort.predictions) for cohort in (pair.head, pair.tail)]
        again = divergence(*counts, "js", discovery.histograms.centres)
        assert again == pytest.approx(pair.divergence)
    low, high = discovery.found.log_predictions
    assert (low, high) == (discovery.histograms.edges[0], discovery.histograms.edges[-1])
