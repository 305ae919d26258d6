"""The rivals of PWiseR against their formulas, row by row."""

import math

import pytest
import torch

from ctrbench.methods import METHODS
from ctrbench.methods.base import Context
from ctrbench.methods.conversion.outcomes import Outcomes
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import FUNNEL, TWO_TASKS, start
from ctrbench.training.fit import train_epoch

LABELS = torch.tensor([[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [1, 0]], dtype=torch.float64)
SCORES = [0.3, -0.7, 1.1, 0.9, -0.4, 0.2]
LOGITS = torch.tensor([[score, 0.5 * place] for place, score in enumerate(SCORES)], dtype=torch.float64)
S1, S2, S3 = [0, 3], [1, 5], [2, 4]


def make(name, **settings):
    run = start("shared-bottom", "plain", dataset("orders"), FUNNEL)
    context = Context.of(run.feed, {})
    chosen = METHODS.get(name)
    return chosen(run.backbone, context, chosen.Settings(**settings))


def test_clicks_that_converted_weigh_more():
    found = make("conversion-weighted").term(LOGITS, Outcomes.of(LABELS))
    assert found.item() == pytest.approx(sum(math.log1p(math.exp(-SCORES[j])) for j in S3) / len(SCORES))


def test_every_pair_has_a_logistic_loss():
    def term(lower):
        losses = [math.log1p(math.exp(SCORES[i] - SCORES[j])) for i in lower for j in S3]
        return sum(losses) / len(losses)

    found = make("ranknet").term(LOGITS, Outcomes.of(LABELS))
    assert found.item() == pytest.approx(term(S2) + term(S1))


def test_of_many_conversions_some_are_paired():
    found = make("ranknet", most_conversions=1).term(LOGITS, Outcomes.of(LABELS))
    alone = [
        sum(sum(math.log1p(math.exp(SCORES[i] - SCORES[j])) for i in lower) / len(lower) for lower in (S1, S2))
        for j in S3
    ]
    assert any(found.item() == pytest.approx(each) for each in alone)


def test_each_conversion_wins_a_softmax_against_the_rows_without_one():
    others = sum(math.exp(SCORES[i]) for i in (*S1, *S2))
    losses = [-math.log(math.exp(SCORES[j]) / (math.exp(SCORES[j]) + others)) for j in S3]
    found = make("listwise").term(LOGITS, Outcomes.of(LABELS))
    assert found.item() == pytest.approx(sum(losses) / len(losses))


@pytest.mark.parametrize("name", ["conversion-weighted", "ranknet", "listwise"])
@pytest.mark.parametrize("kept", [[0, 1], [2, 4]], ids=["no conversion", "conversions alone"])
def test_an_empty_group_leaves_no_nan(name, kept):
    values = LOGITS[kept].clone().requires_grad_()
    found = make(name).term(values, Outcomes.of(LABELS[kept]))
    found.backward()
    assert found.isfinite()
    assert values.grad.isfinite().all()
    if kept == [0, 1]:
        assert found.item() == 0


@pytest.mark.parametrize("data", [FUNNEL, TWO_TASKS], ids=["all rows", "conversion given click"])
def test_focal_loss_weighs_each_row_by_what_it_lacks(data):
    run = start("shared-bottom", "focal", dataset("orders"), data, method_settings={"gamma": 1.5})
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 64))
    run.backbone.eval()
    logits = run.backbone(batch).detach()
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator())
    for task, name in enumerate(("click", "conversion")):
        losses = []
        for row in range(len(logits)):
            if batch.observed is not None and not batch.observed[row, task]:
                continue
            p = 1 / (1 + math.exp(-logits[row, task].item()))
            own = p if batch.labels[row, task] else 1 - p
            losses.append(-((1 - own) ** 1.5) * math.log(own))
        assert loss.parts[name].item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_focal_loss_has_a_gradient_at_any_logit(gamma):
    run = start("shared-bottom", "focal", dataset("orders"), FUNNEL, method_settings={"gamma": gamma})
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 4))
    logits = torch.tensor([[120.0, -120.0], [-120.0, 120.0], [95.0, -95.0], [0.0, 0.0]], requires_grad=True)
    loss = sum(run.method.losses(logits, batch))
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()


def test_focal_loss_without_gamma_trains_as_plain():
    runs = [
        start("shared-bottom", name, dataset("orders"), FUNNEL, method_settings=settings)
        for name, settings in (("plain", {}), ("focal", {"gamma": 0.0}))
    ]
    parts = [train_epoch(run, 1)[2] for run in runs]
    assert parts[0] == pytest.approx(parts[1], rel=1e-5)
