"""How far the gradient of a contrastive loss reaches, on every backbone."""

import pytest
import torch

from ctrbench.testing.data import dataset
from ctrbench.testing.runs import start
from ctrbench.training.fit import train_epoch

BACKBONES = ("din", "deepfm", "wide-deep", "shared-bottom")
METHODS = ("icl", "aqcl")


def run_of(backbone, method, *, dropout=0.2, **settings):
    own = {"backbone_settings": {"dropout": dropout}} if backbone == "din" else {}
    return start(backbone, method, dataset("small"), method_settings=settings, penalty=0.0, **own)


def loss_of(run):
    """The loss of the first batch, with the same draws of dropout for every run."""
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    torch.manual_seed(0)
    return run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator().manual_seed(0))


def gradients(run, part):
    """Name of each parameter of the backbone -> its gradient; None where the part does not depend on it."""
    named = dict(run.backbone.named_parameters())
    found = torch.autograd.grad(part, list(named.values()), allow_unused=True)
    dense = [gradient.to_dense() if gradient is not None and gradient.is_sparse else gradient for gradient in found]
    return dict(zip(named, dense, strict=True))


def trained_by_the_loss(run):
    """Whether the contrastive loss changes some embedding table, and some other parameter."""
    tables = {id(table) for table in run.backbone.embedding_tables()}
    of_loss = gradients(run, loss_of(run).parts["contrastive"])
    named = dict(run.backbone.named_parameters())
    reached = {name for name, gradient in of_loss.items() if gradient is not None and gradient.abs().sum() > 0}
    return any(id(named[name]) in tables for name in reached), any(id(named[name]) not in tables for name in reached)


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("reach", "trained"), [("all", (True, True)), ("network", (False, True)), ("embeddings", (True, False))]
)
def test_the_loss_trains_what_it_reaches_and_nothing_else(backbone, method, reach, trained):
    assert trained_by_the_loss(run_of(backbone, method, reach=reach)) == trained


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("method", METHODS)
def test_a_loss_that_reaches_the_projector_alone_leaves_the_model_plains_gradient(backbone, method):
    plain, own = run_of(backbone, "plain"), run_of(backbone, method, reach="projector", weight=10.0)
    of_plain, of_own = (gradients(run, loss_of(run).total) for run in (plain, own))
    assert of_plain.keys() == of_own.keys()
    assert sum(gradient is not None for gradient in of_plain.values()) > 5
    for name, gradient in of_plain.items():
        assert gradient is of_own[name] is None or torch.equal(gradient, of_own[name]), name


@pytest.mark.parametrize("method", METHODS)
def test_its_projector_learns_all_the_same(method):
    run = run_of("din", method, reach="projector")
    run.step(next(run.feed.batches(run.feed.epoch(0, 1), 256)), 0.01, torch.Generator().manual_seed(0))
    assert all(parameter.grad.abs().sum() > 0 for parameter in run.method.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_without_dropout_it_trains_bit_for_bit_as_plain_does(method):
    runs = run_of("din", "plain", dropout=0.0), run_of("din", method, dropout=0.0, reach="projector", weight=10.0)
    for run in runs:
        train_epoch(run, 1)
    for one, other in zip(*(run.backbone.parameters() for run in runs), strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("reach", ["network", "embeddings", "projector"])
def test_the_loss_itself_is_the_same_wherever_its_gradient_goes(reach):
    values = [loss_of(run_of("din", "aqcl", dropout=0.0, reach=each)).parts["contrastive"] for each in ("all", reach)]
    torch.testing.assert_close(*values, rtol=1e-6, atol=0)


def test_network_and_embeddings_receive_alone_what_they_receive_together():
    whole, network, embeddings = (
        gradients(run, loss_of(run).parts["contrastive"])
        for run in (run_of("din", "icl", dropout=0.0, reach=reach) for reach in ("all", "network", "embeddings"))
    )
    for name, gradient in whole.items():
        parts = [part[name] for part in (network, embeddings) if part[name] is not None]
        assert len(parts) == (0 if gradient is None else 1), name
        if parts:
            torch.testing.assert_close(parts[0], gradient, rtol=1e-4, atol=1e-7)
