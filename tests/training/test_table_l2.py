"""L2 over whole embedding tables, against FuxiCTR's formula computed by autograd."""

import copy

import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.testing.runs import FUNNEL, TWO_TASKS, start
from ctrbench.training.fit import train_epoch

WEIGHT = 0.3
TABLES = {
    ("din", None): ["embedding.weight"],
    ("deepfm", None): ["embedding.weight", "first_order.weight"],
    ("wide-deep", None): ["cross.weight", "embedding.weight", "wide.weight"],
    ("dcn-v2", None): ["embedding.weight"],
    ("autoint", None): ["embedding.weight"],
    ("wukong", None): ["embedding.weight"],
    ("dhen", None): ["embedding.weight"],
    ("embeddings", None): ["embedding.weight"],
    ("mlp", None): ["embedding.weight"],
    ("single-task", "deepfm"): [
        *("models.0.embedding.weight", "models.0.first_order.weight"),
        *("models.1.embedding.weight", "models.1.first_order.weight"),
    ],
    ("shared-mlp", None): ["bottom.embedding.weight"],
    ("omoe", None): ["bottom.embedding.weight"],
    ("mmoe", None): ["bottom.embedding.weight"],
    ("ple", None): ["bottom.embedding.weight"],
    ("esmm", None): ["bottom.embedding.weight"],
    ("aitm", None): ["bottom.embedding.weight"],
    ("fdn", None): ["bottom.embedding.weight"],
    ("shared-bottom", "din"): ["bottom.embedding.weight"],
    ("shared-bottom", "wide-deep"): ["bottom.cross.weight", "bottom.embedding.weight", "bottom.wide.weight"],
}
"""Backbone and bottom -> names of the tables, found by reading the code."""


def started(backbone, bottom, prepared, **training):
    settings = {"bottom": bottom} if bottom else {}
    data = FUNNEL if backbone in ("esmm", "aitm") else TWO_TASKS
    return start(backbone, "plain", prepared, data, backbone_settings=settings, penalty=0.0, **training)


def test_the_tables_of_every_backbone_are_listed_here():
    assert {name for name, _ in TABLES} == set(BACKBONES.builtin())


@pytest.mark.parametrize(("backbone", "bottom"), TABLES)
def test_loss_and_gradients_are_those_of_fuxictr(orders, backbone, bottom):
    """``(lambda / p) * torch.norm(W, p) ** p`` with p = 2, summed over tables: FuxiCTR's ``regularization_loss``."""
    run = started(backbone, bottom, orders, embedding_l2=WEIGHT)
    with torch.no_grad():
        for parameter in run.backbone.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model = copy.deepcopy(run.backbone)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    torch.manual_seed(1)
    expected = run.method.loss(model, batch, model.embed(batch), torch.Generator()).total
    parameters = dict(model.named_parameters())
    for name in TABLES[backbone, bottom]:
        expected = expected + (WEIGHT / 2) * torch.norm(parameters[name].double(), 2) ** 2
    expected.backward()
    torch.manual_seed(1)
    found = run.step(batch, 1e-3, torch.Generator())
    torch.testing.assert_close(found.total.double(), expected.detach(), rtol=1e-6, atol=0)
    for name, parameter in run.backbone.named_parameters():
        torch.testing.assert_close(parameter.grad, parameters[name].grad, rtol=1e-6, atol=1e-6)


def test_the_reported_loss_holds_the_penalty_and_the_parts_do_not(orders):
    """In an epoch of one batch."""
    run = started("din", None, orders, embedding_l2=WEIGHT, batch_size=100_000)
    penalty = WEIGHT / 2 * run.backbone.embedding.weight.detach().double().square().sum().item()
    free = started("din", None, orders, batch_size=100_000)
    _, loss, parts = train_epoch(run, 1)
    _, without, plain_parts = train_epoch(free, 1)
    assert parts == plain_parts
    assert loss - without == pytest.approx(penalty, rel=1e-5)


def test_a_row_that_no_batch_touches_is_pulled_too(small):
    free, pulled = (start("din", "plain", small, penalty=0.0, embedding_l2=weight) for weight in (0.0, 1e-2))
    unknown = free.backbone.embedding.starts.long()[:2]
    before = free.backbone.embedding.weight.detach()[unknown].norm()
    for run in (free, pulled):
        train_epoch(run, 1)
    after = [run.backbone.embedding.weight.detach()[unknown].norm() for run in (free, pulled)]
    assert after[0] == before
    assert after[1] < 0.5 * before


def test_a_table_without_a_look_up_in_the_batch_is_pulled(small):
    """A run without a history looks no cross up."""
    data = TWO_TASKS.model_copy(update={"history_length": 0, "tasks": ("click",), "given": {}, "derived": {}})
    run = start("wide-deep", "plain", small, data, embedding_l2=WEIGHT)
    with torch.no_grad():
        run.backbone.cross.weight.fill_(1.0)
    run.step(next(run.feed.batches(run.feed.epoch(0, 1), 64)), 1e-2, torch.Generator())
    assert torch.allclose(run.backbone.cross.weight.grad, torch.tensor(WEIGHT))
    assert run.backbone.cross.weight.max() < 1
