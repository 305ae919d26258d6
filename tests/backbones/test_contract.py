"""What every registered backbone must do; a new one is tested by being registered."""

import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.data.schema import Split
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.single import build

pytestmark = pytest.mark.parametrize("name", BACKBONES.names())


def make(name, feed, **settings):
    torch.manual_seed(0)
    backbone = BACKBONES.get(name)
    return backbone(feed.inputs, backbone.Settings(**settings))


def test_shapes(name, feed):
    backbone = make(name, feed, embedding_size=8, hidden=(16, 12))
    batch = next(feed.batches(feed.split(Split.VALIDATION), 32))
    embedded = backbone.embed(batch)
    assert embedded.fields.shape == (32, 4, 8)
    assert embedded.history.shape == (int(batch.offsets[-1]), 2, 8)
    h = backbone.interact(embedded)
    assert h.shape == (32, 12) == (32, backbone.representation_size)
    assert backbone.predict(h, embedded).shape == (32, 1)


def test_a_row_without_a_history_is_predicted(name, feed):
    examples = feed.epoch(0, 1)
    examples = examples[torch.nonzero(feed.prepared.rows["length"][examples.rows] == 0).squeeze(1)]
    assert len(examples) > 0
    logits = make(name, feed)(next(feed.batches(examples, 64)))
    assert torch.isfinite(logits).all()


def test_a_row_is_predicted_alike_in_any_company(name, feed):
    backbone = make(name, feed).eval()
    examples = feed.split(Split.VALIDATION)
    together = backbone(next(feed.batches(examples, 64)))
    alone = torch.cat([backbone(batch) for batch in feed.batches(examples[torch.arange(64)], 1)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def test_the_history_matters(name, feed):
    backbone = make(name, feed, embedding_std=1.0).eval()
    batch = next(feed.batches(feed.split(Split.VALIDATION), 64))
    embedded = backbone.embed(batch)
    without = embedded.with_vectors(embedded.fields, torch.zeros_like(embedded.history))
    assert not torch.allclose(backbone.interact(embedded), backbone.interact(without))


def test_paper_and_source_are_stated(name, feed):
    assert BACKBONES.get(name).paper
    assert BACKBONES.get(name).source


INITIAL = {"wide-deep": 1308.509221, "deepfm": 1308.509221, "din": 1596.731729}
"""Sum of the absolute initial weights of seed 0. A change here changes every record: count up ALGORITHM_VERSION."""


def test_initial_weights_are_those_of_the_committed_records(name, feed):
    config = RunConfig(dataset="small", backbone=name, method="plain", seed=0)
    backbone, _ = build(config, feed)
    total = sum(p.detach().abs().sum().item() for p in backbone.parameters())
    assert total == pytest.approx(INITIAL[name], rel=1e-5)
