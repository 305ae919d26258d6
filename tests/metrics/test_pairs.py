"""AUC within the groups of a column: pairs of one group only, summed over the groups."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrbench.metrics import METRICS
from ctrbench.metrics.auc import AUC
from ctrbench.metrics.blocks import Blocks
from ctrbench.metrics.measure import Groups, measure
from ctrbench.metrics.sample import Sample

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(-2, 2), st.integers(-1, 2)), min_size=1, max_size=50)


def by_hand(label, score, codes):
    won, pairs = 0.0, 0
    for group in set(codes[codes >= 0].tolist()):
        for p in score[(label == 1) & (codes == group)]:
            for n in score[(label == 0) & (codes == group)]:
                won += 1.0 if p > n else 0.5 if p == n else 0.0
                pairs += 1
    return won / pairs if pairs else None


@settings(database=None, deadline=None)
@given(rows)
def test_within_equals_the_definition(rows):
    label, score, codes = (np.array(column) for column in zip(*rows, strict=True))
    expected = by_hand(label, score, codes)
    found = AUC.within(Sample(label, score, probabilities=False), codes, 3)
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-12))


def test_a_difference_between_groups_does_not_count():
    label, surface = np.array([0, 0, 0, 1, 0, 1, 1, 1]), np.repeat([0, 1], 4)
    by_surface = Sample(label, surface / 2)
    assert AUC.overall(by_surface) == 0.75
    assert AUC.within(by_surface, surface, 2) == 0.5


def test_groups_weigh_by_their_pairs():
    label, codes = np.array([1, 0, 1, 0, 0, 0, 1]), np.array([0, 0, 1, 1, 1, 1, 2])
    score = np.array([0.9, 0.1, 0.1, 0.2, 0.3, 0.4, 0.5])
    # One pair won in the first group, three lost in the second, none in the third.
    assert AUC.within(Sample(label, score), codes, 3) == 0.25


def test_without_each_block_it_is_that_of_the_other_rows():
    random = np.random.default_rng(2)
    label, score, codes = random.integers(0, 2, 300), random.random(300), random.integers(-1, 3, 300)
    blocks = Blocks(random.integers(0, 4, 300), 4)
    left = AUC.within_without_each_block(Sample(label, score), codes, 3, blocks)
    for block in range(4):
        kept = blocks.codes != block
        assert left[block] == AUC.within(Sample(label[kept], score[kept]), codes[kept], 3)


def test_a_column_is_measured_within_its_groups_as_one_group():
    random = np.random.default_rng(3)
    label, score, codes = random.integers(0, 2, 300), random.random(300), random.integers(-1, 3, 300)
    known = {"truth": score, "real": score, "converted": score < label / 2}
    sample, column = Sample(label, score, random.integers(0, 9, 300), **known), (codes, ["a", "b", "c"])
    blocks = Blocks(random.integers(0, 4, 300), 4)
    found = measure(
        sample,
        {"age": column, "within(age)": column},
        blocks=blocks,
        by_block=("within(age)",),
        within=("within(age)",),
    )
    assert found.groups["age"].names == ["a", "b", "c"]
    inside = codes >= 0
    assert found.groups["within(age)"] == Groups(["within(age)"], [int(inside.sum())], [int(label[inside].sum())])
    of_pairs = {name for name, values in found.values.items() if values["within(age)"] != [None]}
    assert of_pairs == {"auc", "converted_auc", "real_auc"} == set(found.left_out)
    assert found.values["auc"]["within(age)"] == [AUC.within(sample, codes, 3)]
    assert found.left_out["auc"]["within(age)"] == [AUC.within_without_each_block(sample, codes, 3, blocks)]
    assert set(found.values) == set(METRICS.names())
