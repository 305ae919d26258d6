"""Predictions of a split in one tensor, from batches of bounded size."""

import numpy as np
import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.testing.runs import TWO_TASKS, start
from ctrbench.training import predict as module
from ctrbench.training.predict import predict


@pytest.fixture
def sizes(monkeypatch):
    """Rows and positions of every batch that is made."""
    seen, batches = [], Feed.batches

    def noted(feed, examples, size, **options):
        for batch in batches(feed, examples, size, **options):
            seen.append((len(batch.labels), len(batch.history)))
            yield batch

    monkeypatch.setattr(Feed, "batches", noted)
    return seen


def test_probabilities_are_those_of_the_logits(orders):
    run = start("deepfm", "plain", orders, TWO_TASKS)
    batch = next(run.feed.batches(run.feed.split(Split.VALIDATION), 10_000))
    with torch.no_grad():
        expected = torch.sigmoid(run.backbone.eval()(batch).double()).numpy()
    run.backbone.train()
    found = predict(run.backbone, run.feed, Split.VALIDATION)
    assert found.dtype == np.float64
    assert np.array_equal(found, expected)
    assert run.backbone.training


def test_batches_are_bounded_by_rows_and_by_positions(orders, monkeypatch, sizes):
    run = start("din", "plain", orders)
    whole = predict(run.backbone, run.feed, Split.VALIDATION)
    assert len(sizes) == 1
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 50)
    monkeypatch.setattr(module, "POSITIONS_AT_ONCE", 200)
    sizes.clear()
    cut = predict(run.backbone, run.feed, Split.VALIDATION)
    assert len(sizes) > len(whole) / 50
    assert max(rows for rows, _ in sizes) <= 50
    assert max(positions for _, positions in sizes) <= 200
    np.testing.assert_allclose(cut, whole, rtol=1e-6)


def test_histories_of_the_default_length_are_bounded_by_rows_alone():
    """The bits of a prediction can depend on how the rows are cut into batches."""
    assert module.ROWS_AT_ONCE * DataSettings.model_fields["history_length"].default <= module.POSITIONS_AT_ONCE
