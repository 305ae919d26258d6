"""DeepMCP against its equations, pair by pair."""

import pytest
import torch

from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.deepmcp import DeepMCP, DeepMCPSettings, nearby
from tests.methods.rivals import HISTORIES, LABELS, TARGETS, Drawn, hand_made, log_s, logloss, make, vectors

NEGATIVES = 3


def tower(layers, x):
    first, second = layers[0], layers[2]
    return torch.tanh(second.weight @ torch.relu(first.weight @ x + first.bias) + second.bias)


def loss_of(feed, name="din", histories=HISTORIES, **settings):
    backbone, method = make(feed, "deepmcp", name, negatives=NEGATIVES, window=1, **settings)
    method.sampler = Drawn()
    batch = hand_made(feed, histories)
    embedded = backbone.embed(batch)
    return backbone, method, batch, method.loss(backbone, batch, embedded, torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["din", "deepfm", "wide-deep"])
def test_matching_is_the_logloss_of_the_towers_products(feed, name):
    backbone, method, batch, loss = loss_of(feed, name)
    products = []
    for b, (target, history) in enumerate(zip(TARGETS, HISTORIES, strict=True)):
        fields = backbone.embed(batch).fields[b]
        clicks = [vectors(backbone, feed, item) for item in history]
        mean = sum(clicks) / len(clicks) if clicks else torch.zeros(8, dtype=torch.double)
        user = torch.cat([fields[0], fields[3], mean])
        products.append(tower(method.user_tower, user) @ tower(method.item_tower, vectors(backbone, feed, target)))
    assert loss.parts["matching"].item() == pytest.approx(logloss(products), abs=1e-6)


@pytest.mark.parametrize("name", ["din", "deepfm", "wide-deep"])
def test_correlation_is_skip_gram_over_clicks_with_a_history(feed, name):
    backbone, method, _, loss = loss_of(feed, name)
    losses = []
    for b, (target, history, label) in enumerate(zip(TARGETS, HISTORIES, LABELS, strict=True)):
        if label and history:
            h = tower(method.shared_tower, vectors(backbone, feed, target))
            near = tower(method.shared_tower, vectors(backbone, feed, history[-1]))
            # Row b takes draws b, b + 1 and b + 2; the drawn items are 1, 2, 3, ...
            negatives = [item for item in range(b + 1, b + 1 + NEGATIVES) if item != history[-1]]
            far = [tower(method.shared_tower, vectors(backbone, feed, item)) for item in negatives]
            losses.append(-log_s(h @ near) - sum(log_s(-(h @ x)) for x in far))
    assert len(losses) == 3
    assert loss.parts["correlation"].item() == pytest.approx(sum(losses) / 3, abs=1e-6)


def test_the_total_weighs_the_parts(feed):
    backbone, _, batch, loss = loss_of(feed, matching_weight=3.0, correlation_weight=0.5)
    parts = {name: part.item() for name, part in loss.parts.items()}
    assert parts["click"] == pytest.approx(logloss(backbone(batch)[:, 0]), abs=1e-6)
    expected = parts["click"] + 3.0 * parts["matching"] + 0.5 * parts["correlation"]
    assert loss.total.item() == pytest.approx(expected, abs=1e-6)


def test_a_batch_without_clicks_has_no_correlation(feed):
    *_, loss = loss_of(feed, histories=[[]] * 5)
    assert loss.parts["correlation"] == 0
    assert torch.isfinite(loss.total)


def test_the_context_is_one_of_the_latest_clicks_of_its_row():
    offsets = torch.tensor([0, 0, 1, 10, 13])
    generator = torch.Generator().manual_seed(0)
    places = torch.stack([nearby(offsets, 4, generator) for _ in range(400)])
    assert [set(column.tolist()) for column in places[:, 1:].unbind(1)] == [{0}, {6, 7, 8, 9}, {10, 11, 12}]
    counts = torch.bincount(places[:, 2])[6:]
    assert counts.min() > 60


def test_rows_that_cannot_have_a_click_are_refused(feed):
    manifest: Manifest = feed.prepared.manifest
    without = manifest.model_copy(update={"mean_click_length": 0.0})
    assert DeepMCP.refuses("din", DataSettings(history_length=1), DeepMCP.Settings(), manifest) is None
    assert DeepMCP.refuses("din", DataSettings(), DeepMCP.Settings(), None) is None
    assert "histories" in DeepMCP.refuses("din", DataSettings(), DeepMCP.Settings(), without)
    assert "histories" in DeepMCP.refuses("din", DataSettings(history_length=0), DeepMCP.Settings(), None)


def test_weights_and_negatives_are_the_official_ones():
    settings = DeepMCPSettings()
    assert (settings.matching_weight, settings.correlation_weight, settings.negatives) == (5, 0.01, 4)
