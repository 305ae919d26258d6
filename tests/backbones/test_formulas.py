"""Each backbone against an independent, padded or pairwise computation of its formula."""

from itertools import pairwise

import pytest
import torch

from ctrbench.backbones.activation_unit import ActivationUnit
from ctrbench.backbones.base import DeepSettings
from ctrbench.backbones.deepfm import DeepFM
from ctrbench.backbones.din import DIN, DINSettings
from ctrbench.backbones.layers import segment_mean
from ctrbench.backbones.masks import Dropout, kept
from ctrbench.backbones.wide_deep import WideDeep, WideDeepSettings
from ctrbench.data.schema import Split


@pytest.fixture
def batch(feed):
    return next(feed.batches(feed.split(Split.VALIDATION), 48))


def padded(values, offsets):
    """(N, ...) and (B + 1,) -> (B, longest, ...) and the mask of valid positions (B, longest)."""
    rows = [values[a:b] for a, b in pairwise(offsets.tolist())]
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), mask.bool()


@pytest.mark.parametrize("fused", [False, True], ids=["reference", "fused"])
def test_din_equals_padded_attention_over_the_concatenation(feed, batch, fused):
    if fused:
        pytest.importorskip("numba", reason="needs ctrbench[fast]")
    torch.manual_seed(1)
    din = DIN(feed.inputs, DINSettings(embedding_size=8, embedding_std=1.0)).double().eval()
    embedded = din.embed(batch)
    key, mask = padded(embedded.history.flatten(1), batch.offsets)
    query = embedded.fields[:, [1, 2]].flatten(1).unsqueeze(1).expand_as(key)
    unit: ActivationUnit = din.attention
    unit.fused = fused
    joined = torch.cat([query, key, query - key, query * key], 2)
    weight = unit.second(unit.activation(unit.first(joined))).squeeze(2) * mask
    interest = (weight.unsqueeze(2) * key).sum(1)
    h = din.deep(torch.cat([embedded.fields.flatten(1), interest], 1))
    torch.testing.assert_close(din.interact(embedded), h, rtol=0, atol=1e-6)


def test_jagged_mean_equals_the_padded_one(feed, batch):
    values = torch.randn(int(batch.offsets[-1]), 3, dtype=torch.double)
    wide, mask = padded(values, batch.offsets)
    expected = wide.sum(1) / mask.sum(1, keepdim=True).clamp(min=1)
    torch.testing.assert_close(segment_mean(values, batch.owners, batch.offsets), expected, rtol=0, atol=1e-12)


def test_deepfm_equals_the_sum_over_pairs(feed, batch):
    torch.manual_seed(1)
    model = DeepFM(feed.inputs, DeepSettings(embedding_size=8, embedding_std=1.0)).double().eval()
    embedded = model.embed(batch)
    history, mask = padded(embedded.history, batch.offsets)
    pooled = history.sum(1) / mask.sum(1).clamp(min=1).view(-1, 1, 1)
    vectors = torch.cat([embedded.fields, pooled], 1)
    pairs = sum((vectors[:, i] * vectors[:, j]).sum(1) for i in range(6) for j in range(i + 1, 6))
    fields, clicked = model.first_order(batch)
    weights, _ = padded(clicked.sum((1, 2)), batch.offsets)
    linear = fields.sum((1, 2)) + weights.sum(1) / mask.sum(1).clamp(min=1)
    torch.testing.assert_close(embedded.shallow.squeeze(1), linear + pairs, rtol=0, atol=1e-6)
    deep = model.output(model.deep(vectors.flatten(1)))
    torch.testing.assert_close(model(batch), deep + embedded.shallow, rtol=0, atol=1e-6)


def test_wide_part_sums_one_weight_per_id_and_per_cross(feed, batch):
    torch.manual_seed(1)
    model = WideDeep(feed.inputs, WideDeepSettings(cross_buckets=1000)).double()
    torch.nn.init.normal_(model.cross.weight)
    buckets = model._bucket(batch)
    assert len(buckets.unique()) > 100
    expected = torch.zeros(len(batch.ids), dtype=torch.double)
    for b in range(len(batch.ids)):
        ids = batch.ids[b] + model.wide.starts
        expected[b] = model.wide.weight[ids].sum() + model.cross.weight[buckets[batch.owners == b]].sum()
    torch.testing.assert_close(model.embed(batch).shallow.squeeze(1), expected, rtol=0, atol=1e-12)


def test_masks_keep_the_stated_share_and_follow_their_generator():
    like = torch.empty(1001, 333)
    mask = kept(like, 0.2, torch.Generator().manual_seed(3))
    assert mask.shape == like.shape
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert abs(mask.mean().item() - 0.8) < 4 * (0.16 / mask.numel()) ** 0.5 + 2**-16
    assert torch.equal(mask, kept(like, 0.2, torch.Generator().manual_seed(3)))
    assert not torch.equal(mask, kept(like, 0.2, torch.Generator().manual_seed(4)))


def test_dropout_keeps_the_mean_and_is_silent_in_evaluation():
    torch.manual_seed(0)
    dropout, x = Dropout(0.2), torch.ones(1000, 100)
    assert set(dropout(x).unique().tolist()) == {0.0, 1.25}
    assert abs(dropout(x).mean().item() - 1) < 0.01
    assert torch.equal(dropout.eval()(x), x)
