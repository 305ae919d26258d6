"""DMR's auxiliary match against its equations, click by click."""

import math

import pytest
import torch

from ctrbench.data.settings import DataSettings
from ctrbench.methods.dmr import DMR, DMRSettings
from tests.methods.rivals import HISTORIES, Drawn, hand_made, log_s, logloss, make, vectors

NEGATIVES = 3


def loss_of(feed, name="din", histories=HISTORIES, **settings):
    backbone, method = make(feed, "dmr", name, negatives=NEGATIVES, **settings)
    method.sampler = Drawn()
    torch.nn.init.normal_(method.output.weight)
    batch = hand_made(feed, histories)
    embedded = backbone.embed(batch)
    return backbone, method, batch, method.loss(backbone, batch, embedded, torch.Generator().manual_seed(0))


def user_vector(method, clicks):
    inner, z = method.attention[0], method.attention[2].weight[0]
    scores = [math.exp((z @ torch.tanh(inner.weight @ e + inner.bias)).item()) for e in clicks]
    pooled = sum(score / sum(scores) * e for score, e in zip(scores, clicks, strict=True))
    linear, prelu = method.user
    x = linear.weight @ pooled + linear.bias
    return torch.where(x > 0, x, prelu.weight * x)


@pytest.mark.parametrize("name", ["din", "deepfm", "wide-deep"])
def test_match_predicts_the_last_click_from_those_before(feed, name):
    backbone, method, _, loss = loss_of(feed, name)
    losses = []
    for b, history in enumerate(HISTORIES):
        if len(history) >= 2:
            u = user_vector(method, [vectors(backbone, feed, item) for item in history[:-1]])
            # Row b takes draws b, b + 1 and b + 2; the drawn items are 1, 2, 3, ...
            negatives = [item for item in range(b + 1, b + 1 + NEGATIVES) if item != history[-1]]
            losses.append(
                -log_s(u @ method.output.weight[history[-1]])
                - sum(log_s(-(u @ method.output.weight[k])) for k in negatives)
            )
    assert len(losses) == 3
    assert loss.parts["match"].item() == pytest.approx(sum(losses) / 3, abs=1e-6)


def test_a_negative_that_is_the_last_click_does_not_count(feed):
    """Row 2 draws 3, 4, 5."""
    histories = [[], [], [9, 4], [], []]
    backbone, method, _, loss = loss_of(feed, histories=histories)
    u = user_vector(method, [vectors(backbone, feed, 9)])
    expected = -log_s(u @ method.output.weight[4]) - sum(log_s(-(u @ method.output.weight[k])) for k in (3, 5))
    assert loss.parts["match"].item() == pytest.approx(expected, abs=1e-6)


def test_the_total_weighs_the_match(feed):
    backbone, _, batch, loss = loss_of(feed, weight=0.3)
    click, match = loss.parts["click"].item(), loss.parts["match"].item()
    assert click == pytest.approx(logloss(backbone(batch)[:, 0]), abs=1e-6)
    assert loss.total.item() == pytest.approx(click + 0.3 * match, abs=1e-6)


@pytest.mark.parametrize("histories", [[[]] * 5, [[], [7], [], [2], [4]]])
def test_rows_with_fewer_than_two_clicks_take_no_part(feed, histories):
    _, method, _, loss = loss_of(feed, histories=histories)
    assert loss.parts["match"] == 0
    loss.total.backward()
    gradients = {name: p.grad.to_dense() for name, p in method.named_parameters() if p.grad is not None}
    assert "output.weight" not in gradients or not gradients["output.weight"].any()
    assert all(torch.isfinite(gradient).all() for gradient in gradients.values())


def test_rows_that_cannot_have_two_clicks_are_refused(feed):
    manifest = feed.prepared.manifest
    without = manifest.model_copy(update={"mean_click_length": 0.0})
    assert DMR.refuses("din", DataSettings(history_length=2), DMR.Settings(), manifest) is None
    assert DMR.refuses("din", DataSettings(), DMR.Settings(), None) is None
    assert "last click" in DMR.refuses("din", DataSettings(), DMR.Settings(), without)
    assert "last click" in DMR.refuses("din", DataSettings(history_length=1), DMR.Settings(), None)


def test_the_loss_starts_as_large_as_the_official_sampled_softmax():
    settings = DMRSettings()
    assert settings.weight == 0.1
    assert (1 + settings.negatives) * math.log(2) == pytest.approx(math.log(2001), abs=0.05)
