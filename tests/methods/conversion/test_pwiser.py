"""PWiseR against its formula, pair by pair."""

import pytest
import torch

from ctrbench.methods.base import Context
from ctrbench.methods.conversion.outcomes import Outcomes
from ctrbench.methods.conversion.pwiser import PWiseR, PWiseRSettings
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import DATA, FUNNEL, TWO_TASKS, start
from ctrbench.training.fit import train_epoch

LABELS = torch.tensor([[0, 0], [1, 0], [1, 1], [0, 0], [1, 1], [1, 0], [0, 1]], dtype=torch.float64)
"""The last row's conversion has no click: it counts as a row without a click."""
S1, S2, S3 = [0, 3, 6], [1, 5], [2, 4]


def make(**settings):
    run = start("single-task", "plain", dataset("orders"), FUNNEL)
    context = Context.of(run.feed, {})
    return PWiseR(run.backbone, context, PWiseRSettings(**settings))


def logits(seed=0):
    return torch.randn(len(LABELS), 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def by_hand(values, *, m1=0.1, m2=0.2, pairs="mean", heads="click", second="S1-S3", more=()):
    p = torch.sigmoid(values)
    converted = [p[j, int(heads == "click-conversion")].item() for j in S3] + list(more)
    upper = {"S1-S3": converted, "S1-S2": [p[j, 0].item() for j in S2]}[second]

    def term(lower, higher, margin):
        hinges = [[max(p[i, 0].item() - other + margin, 0) ** 2 for other in higher] for i in lower]
        total = sum(map(sum, hinges)) / len(lower)
        return total / len(higher) if pairs == "mean" else total

    return term(S2, converted, m1) + term(S1, upper, m2)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"pairs": "sum"},
        {"heads": "click-conversion"},
        {"second": "S1-S2"},
        {"pairs": "sum", "heads": "click-conversion", "second": "S1-S2"},
    ],
)
def test_the_term_is_that_of_the_double_loop(options):
    found = make(**options).term(logits(), Outcomes.of(LABELS))
    assert found.item() == pytest.approx(by_hand(logits(), **options), rel=1e-12)


def test_margins_are_those_of_their_terms():
    found = make(click_margin=0.3, no_click_margin=0.05).term(logits(), Outcomes.of(LABELS))
    assert found.item() == pytest.approx(by_hand(logits(), m1=0.3, m2=0.05), rel=1e-12)


@pytest.mark.parametrize("absent", [S1, S2, S3], ids=["no row without a click", "no S2", "no conversion"])
def test_an_empty_group_adds_exactly_0_and_no_nan(absent):
    kept = [row for row in range(len(LABELS)) if row not in absent]
    values = logits()[kept].requires_grad_()
    found = make().term(values, Outcomes.of(LABELS[kept]))
    found.backward()
    assert values.grad.isfinite().all()
    if absent == S3:
        assert found.item() == 0
        assert torch.equal(values.grad, torch.zeros_like(values))
    else:
        assert found.item() > 0


def test_the_queue_adds_the_latest_conversions_of_earlier_batches():
    method = make(queue=3).double()
    earlier = [logits(seed) for seed in (1, 2)]
    for values in earlier:
        method.term(values, Outcomes.of(LABELS))
    seen = [torch.sigmoid(values[j, 0]).item() for values in earlier for j in S3]
    found = method.term(logits(), Outcomes.of(LABELS))
    assert found.item() == pytest.approx(by_hand(logits(), more=seen[-3:]), rel=1e-12)


def test_a_queue_that_is_not_full_holds_conversions_alone():
    method = make(queue=8).double()
    method.term(logits(1), Outcomes.of(LABELS))
    assert method.filled.sum() == len(S3)
    more = [torch.sigmoid(logits(1)[j, 0]).item() for j in S3]
    found = method.term(logits(), Outcomes.of(LABELS))
    assert found.item() == pytest.approx(by_hand(logits(), more=more), rel=1e-12)


def test_the_queue_is_restored_with_the_run():
    run, fresh = (
        start("shared-bottom", "pwiser", dataset("orders"), FUNNEL, method_settings={"queue": 20}, seed=seed)
        for seed in (0, 1)
    )
    train_epoch(run, 1)
    fresh.restore(run.checkpoint())
    assert run.method.filled.sum() > 0
    assert torch.equal(run.method.scores, fresh.method.scores)


def test_in_separate_models_only_the_click_model_feels_it():
    def weights(method, **settings):
        run = start("single-task", method, dataset("orders"), FUNNEL, method_settings=settings)
        train_epoch(run, 1)
        return [torch.cat([p.flatten() for p in model.parameters()]) for model in run.backbone.models]

    plain, own = weights("plain"), weights("pwiser", weight=2.0)
    assert not torch.equal(plain[0], own[0])
    assert torch.equal(plain[1], own[1])


def test_without_weight_it_trains_as_plain():
    runs = [
        start("mmoe", name, dataset("orders"), FUNNEL, method_settings=settings)
        for name, settings in (("plain", {}), ("pwiser", {"weight": 0.0}))
    ]
    for run in runs:
        train_epoch(run, 1)
    for a, b in zip(*(run.backbone.parameters() for run in runs), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("queue", [0, 3])
def test_its_gradient_is_that_of_its_value(queue):
    def term(values):
        method = make(queue=queue).double()
        method.term(logits(1), Outcomes.of(LABELS))
        return method.term(values, Outcomes.of(LABELS))

    assert torch.autograd.gradcheck(term, logits().requires_grad_())


def test_two_heads_are_compared_over_all_rows_only():
    settings = PWiseRSettings(heads="click-conversion")
    reason = PWiseR.refuses("shared-bottom", TWO_TASKS, settings, None)
    assert reason == 'heads = "click-conversion" compares probabilities over all rows; leave out data.given.conversion'


def test_tasks_in_another_order_are_refused():
    backwards = FUNNEL.model_copy(update={"tasks": ("conversion", "click")})
    reason = PWiseR.refuses("shared-bottom", backwards, PWiseRSettings(), dataset("orders").manifest)
    assert reason == 'it needs the tasks in the order in which they happen: data.tasks = ["click", "conversion"]'


def test_one_task_is_refused():
    reason = PWiseR.refuses("shared-bottom", DATA, PWiseRSettings(), None)
    assert reason == 'it needs a click and a conversion: data.tasks names click alone; add "conversion"'
    assert PWiseR.refuses("shared-bottom", TWO_TASKS, PWiseRSettings(), None) is None
