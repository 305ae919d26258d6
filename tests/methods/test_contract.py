"""What every registered method must do on every registered backbone."""

import itertools

import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.data.examples import Feed
from ctrbench.data.settings import DataSettings
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.single import build
from ctrbench.methods import METHODS
from ctrbench.training.fit import Training, train_epoch
from ctrbench.training.settings import TrainingSettings
from tests.conftest import FIELDS

PAIRS = list(itertools.product(BACKBONES.names(), METHODS.names()))


def training(feed, pair, seed=0, **settings):
    backbone, method = pair
    config = RunConfig(dataset="small", backbone=backbone, method=method, seed=seed)
    reason = METHODS.get(method).refuses(backbone, feed.settings, feed.prepared.manifest)
    if reason:
        pytest.skip(reason)
    options = TrainingSettings(**{"batch_size": 256, "learning_rate": 1e-2, "penalty": 1e-4} | settings)
    return Training(*build(config, feed), feed, options, seed)


@pytest.fixture(params=PAIRS, ids="/".join)
def pair(request):
    return request.param


def test_the_loss_is_finite_and_falls(pair, feed):
    run = training(feed, pair)
    clicks = [train_epoch(run, 1)[2]["click"]]
    while clicks[-1] > clicks[0] - 0.02 and len(clicks) < 12:
        clicks.append(train_epoch(run, len(clicks) + 1)[2]["click"])
    assert all(0 < click < 2 for click in clicks)
    assert clicks[-1] <= clicks[0] - 0.02


def test_it_trains_on_inputs_without_a_history(pair, small):
    feed = Feed(small, DataSettings(fields=FIELDS, minimum_history=0, history_length=0))
    run = training(feed, pair)
    assert next(feed.batches(feed.epoch(0, 1), 256)).history.numel() == 0
    assert 0 < train_epoch(run, 1)[2]["click"] < 2
    assert all(parameter.isfinite().all() for parameter in run.backbone.parameters())


def test_every_trainable_parameter_receives_a_gradient(pair, feed):
    run = training(feed, pair)
    batch = next(feed.batches(feed.epoch(0, 1), 256))
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator().manual_seed(0))
    loss.total.backward()
    parameters = {**dict(run.backbone.named_parameters()), **dict(run.method.named_parameters())}
    silent = [name for name, p in parameters.items() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not silent


def test_the_same_seed_gives_the_same_bits_and_another_does_not(pair, feed):
    def weights(seed):
        run = training(feed, pair, seed)
        train_epoch(run, 1)
        return torch.cat([p.flatten() for p in run.backbone.parameters()])

    first = weights(0)
    assert torch.equal(first, weights(0))
    assert not torch.equal(first, weights(1))


def test_methods_with_one_seed_start_from_the_same_backbone(pair, feed):
    plain, other = training(feed, (pair[0], "plain")), training(feed, pair)
    for a, b in zip(plain.backbone.parameters(), other.backbone.parameters(), strict=True):
        assert torch.equal(a, b)


def test_what_is_saved_is_what_is_loaded(pair, feed, tmp_path):
    run, fresh = training(feed, pair), training(feed, pair, seed=1)
    train_epoch(run, 1)
    run.save(tmp_path / "checkpoint")
    fresh.restore(tmp_path / "checkpoint")
    fresh.seed = 0
    train_epoch(run, 2)
    train_epoch(fresh, 2)
    for a, b in zip(run.backbone.parameters(), fresh.backbone.parameters(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(run.method.parameters(), fresh.method.parameters(), strict=True):
        assert torch.equal(a, b)


def test_fields_reach_the_model(pair, feed):
    run = training(feed, pair)
    assert tuple(field.name for field in run.backbone.inputs.fields) == FIELDS
