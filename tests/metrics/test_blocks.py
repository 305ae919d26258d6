"""Metrics without each block of users, against the same metrics of the rows that remain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctrbench.metrics import METRICS
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.measure import measure
from ctrbench.metrics.sample import Sample

SUPPORTED = ("auc", "converted_auc", "logloss", "ne", "real_auc")


def drawn(seed, rows, *, groups=3, blocks=4, scores=6):
    """Labels, tied scores, groups of which some rows are outside, and blocks."""
    random = np.random.default_rng(seed)
    real = random.integers(0, scores, rows) / (scores - 1)  # 0 and 1 among them
    label, score = random.random(rows) < 0.4, (1 + random.integers(0, scores, rows)) / (scores + 2)
    sample = Sample(label, score, real=real, converted=label & (random.random(rows) < 0.5))
    codes = random.integers(-1, groups, rows).astype(np.int8)
    return sample, codes, Blocks(random.integers(0, blocks, rows).astype(np.int32), blocks)


@pytest.mark.parametrize("metric", SUPPORTED)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 60))
def test_a_block_is_left_out_as_if_its_rows_had_not_been_measured(metric, seed, rows):
    sample, codes, blocks = drawn(seed, rows)
    left = METRICS.get(metric).without_each_block(sample, codes, 3, blocks)
    for group, values in enumerate(left):
        for block, value in enumerate(values):
            kept = (codes == group) & (blocks.codes != block)
            known = {"real": sample.real[kept], "converted": sample.converted[kept]}
            rest = Sample(sample.label[kept], sample.score[kept], **known)
            (expected,) = METRICS.get(metric).by_group(rest, np.zeros(kept.sum(), np.int8), 1)
            assert value == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_only_what_is_asked_for_is_measured_without_each_block():
    sample, codes, blocks = drawn(1, 200)
    columns = {"level": (codes, ("a", "b", "c")), "other": (codes, ("a", "b", "c"))}
    found = measure(sample, columns, blocks=blocks, by_block=("overall", "level")).left_out
    assert set(found) == set(SUPPORTED)
    for own in found.values():
        assert {column: (len(left), len(left[0])) for column, left in own.items()} == {
            "overall": (1, 4),
            "level": (3, 4),
        }
    assert measure(sample, columns).left_out == {}
    scores = Sample(sample.label, sample.score, probabilities=False)
    assert set(measure(scores, columns, blocks=blocks, by_block=("overall",)).left_out) == {"auc"}
