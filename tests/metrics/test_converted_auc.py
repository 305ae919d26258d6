"""Converted AUC against its definition, pair by pair."""

from dataclasses import replace

import numpy as np
import pytest

from ctrbench.metrics.auc import auc
from ctrbench.metrics.converted_auc import ConvertedAUC
from ctrbench.metrics.measure import measure
from ctrbench.metrics.sample import Sample


@pytest.fixture
def sample():
    random = np.random.default_rng(2)
    click = random.random(300) < 0.5
    converted = click & (random.random(300) < 0.4)
    return Sample(click, random.integers(0, 9, 300) / 10, random.integers(0, 20, 300), converted=converted)


def test_every_pair_of_two_clicks_counts_once(sample):
    codes = np.arange(300) % 3
    for group, value in enumerate(ConvertedAUC.by_group(sample, codes, 3)):
        s3 = sample.score[sample.converted & (codes == group)]
        s2 = sample.score[sample.label & ~sample.converted & (codes == group)]
        wins = (s3[:, None] > s2).sum() + (s3[:, None] == s2).sum() / 2
        assert value == pytest.approx(wins / (len(s3) * len(s2)), abs=1e-12)


def test_rows_without_a_click_do_not_count(sample):
    score = np.where(sample.label, sample.score, np.random.default_rng(3).random(300))
    assert ConvertedAUC.overall(replace(sample, score=score)) == ConvertedAUC.overall(sample)
    assert ConvertedAUC.overall(sample) == pytest.approx(
        auc(sample.converted[sample.label], sample.score[sample.label])
    )


def test_clicks_of_which_none_or_all_convert_have_no_pairs(sample):
    for converted in (np.zeros(300, bool), sample.label):
        assert ConvertedAUC.overall(replace(sample, converted=converted)) is None


def test_it_is_measured_where_conversions_are_known(sample):
    assert "converted_auc" not in measure(replace(sample, converted=None), {}).values
    assert measure(sample, {}).values["converted_auc"]["overall"] == [ConvertedAUC.overall(sample)]
    with pytest.raises(ValueError, match="299 conversions for 300 labels"):
        replace(sample, converted=sample.converted[1:])
