"""Real AUC against its definition, against drawn labels, and as AUC where the probabilities are labels."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ctrbench.metrics.auc import AUC
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.measure import measure
from ctrbench.metrics.real_auc import RealAUC
from ctrbench.metrics.sample import Sample


def by_hand(score, real):
    """O(n^2), one pair of different rows after the other."""
    won = pairs = 0.0
    for i in range(len(score)):
        for j in range(len(score)):
            if i != j:
                weight = real[i] * (1 - real[j])
                pairs += weight
                won += weight * (1.0 if score[i] > score[j] else 0.5 if score[i] == score[j] else 0.0)
    return won / pairs if pairs else None


def sample_of(score, real, **more):
    return Sample(np.zeros(len(score)), np.asarray(score, float), probabilities=False, real=np.asarray(real), **more)


rows = st.lists(st.tuples(st.floats(0.01, 0.99), st.integers(-2, 2), st.integers(-1, 2)), min_size=1, max_size=40)


@settings(database=None, deadline=None)
@given(rows)
def test_it_equals_the_definition_in_every_group_and_within_them(rows):
    real, score, codes = (np.array(column) for column in zip(*rows, strict=True))
    sample = sample_of(score, real)
    expected = [by_hand(score[codes == group], real[codes == group]) for group in range(3)]
    assert RealAUC.by_group(sample, codes, 3) == [None if one is None else pytest.approx(one) for one in expected]
    weights = [sum(a * (1 - b) for a, b in itertools.permutations(real[codes == group], 2)) for group in range(3)]
    within = sum(w * value for w, value in zip(weights, expected, strict=True) if value is not None)
    found = RealAUC.within(sample, codes, 3)
    assert found == (pytest.approx(within / sum(weights)) if sum(weights) else None)
    assert RealAUC.sound(found)
    assert RealAUC.sound(RealAUC.overall(sample))


def test_two_rows_by_hand():
    # One pair in each direction: 0.8 * 0.5 in the right order, 0.5 * 0.2 in the wrong one.
    assert RealAUC.overall(sample_of([2, 1], [0.8, 0.5])) == pytest.approx(0.4 / 0.5)
    assert RealAUC.overall(sample_of([1, 1], [0.8, 0.5])) == pytest.approx(0.5)


def test_with_labels_for_probabilities_it_is_auc():
    random = np.random.default_rng(4)
    label, score, codes = random.random(300) < 0.3, random.integers(0, 20, 300) / 20, random.integers(-1, 3, 300)
    sample, blocks = Sample(label, score, real=label.astype(float)), Blocks(random.integers(0, 5, 300), 5)
    assert RealAUC.by_group(sample, codes, 3) == pytest.approx(AUC.by_group(sample, codes, 3), abs=1e-12)
    assert RealAUC.within(sample, codes, 3) == pytest.approx(AUC.within(sample, codes, 3), abs=1e-12)
    for name in ("without_each_block", "within_without_each_block"):
        left, same = (getattr(metric, name)(sample, codes, 3, blocks) for metric in (RealAUC, AUC))
        assert np.allclose(left, same, atol=1e-12, rtol=0)


def test_it_is_the_mean_auc_of_drawn_real_clicks():
    random = np.random.default_rng(5)
    real, score = random.random(300), random.random(300)
    drawn = [roc_auc_score(random.random(300) < real, score) for _ in range(2000)]
    error = np.std(drawn) / math.sqrt(2000)
    assert RealAUC.overall(sample_of(score, real)) == pytest.approx(np.mean(drawn), abs=4 * error + 1e-4)


def test_accidents_that_a_model_learns_raise_auc_and_lower_real_auc():
    random = np.random.default_rng(6)
    real, accident = random.random(20_000) * 0.3, np.repeat([0.0, 0.6], 10_000)
    click = real + (1 - real) * accident
    label = random.random(20_000) < click
    learnt, blind = (Sample(label, score, truth=click, real=real) for score in (click, real))
    assert AUC.overall(learnt) > AUC.overall(blind) + 0.1
    assert RealAUC.overall(learnt) < RealAUC.overall(blind) - 0.05
    # Within the two surfaces both rank alike.
    surface = (accident > 0).astype(int)
    assert RealAUC.within(learnt, surface, 2) == pytest.approx(RealAUC.within(blind, surface, 2), abs=1e-12)


def test_left_out_blocks_are_rows_left_out():
    random = np.random.default_rng(7)
    real, score, codes = random.random(200), random.integers(0, 30, 200), random.integers(-1, 3, 200)
    blocks = Blocks(random.integers(0, 4, 200), 4)
    left = RealAUC.without_each_block(sample_of(score, real), codes, 3, blocks)
    within = RealAUC.within_without_each_block(sample_of(score, real), codes, 3, blocks)
    for block in range(4):
        kept = blocks.codes != block
        rest = sample_of(score[kept], real[kept])
        assert [group[block] for group in left] == pytest.approx(RealAUC.by_group(rest, codes[kept], 3), abs=1e-12)
        assert within[block] == pytest.approx(RealAUC.within(rest, codes[kept], 3), abs=1e-12)


def test_groups_without_pairs_have_none():
    sample = sample_of([1, 2, 3, 4], [0.0, 0.0, 0.3, 1.0])
    assert RealAUC.by_group(sample, np.array([0, 0, 1, -1]), 3) == [None, None, None]
    assert RealAUC.within(sample, np.array([0, 0, 1, -1]), 3) is None


def test_it_is_measured_only_where_real_clicks_are_known():
    label, score = np.array([0, 1]), np.array([0.2, 0.5])
    assert "real_auc" not in measure(Sample(label, score, truth=score), {}).values
    assert measure(Sample(label, score), {}, ["real_auc"]).values == {"real_auc": {"overall": [None]}}
    assert measure(Sample(label, score, real=score), {}).values["real_auc"]["overall"][0] is not None
    with pytest.raises(ValueError, match="true probability"):
        Sample(label, score, real=np.array([0.5, 1.5]))
    with pytest.raises(ValueError, match="1 true probabilities of real clicks for 2 labels"):
        Sample(label, score, real=np.array([0.5]))
