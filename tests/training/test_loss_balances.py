"""Uncertainty weighting and EMA-scaled losses, against their formulas written out; runs with either of them."""

import copy
import math

import numpy as np
import pytest
import torch

from ctrbench.errors import CtrbenchError
from ctrbench.testing.runs import TWO_TASKS, start
from ctrbench.training.balance.losses import MovingAverages, uncertainty
from ctrbench.training.checkpoint import below, parse
from ctrbench.training.fit import fit

BALANCES = ["uncertainty", "ema"]


def gradients_of_step(run, batch):
    """What a step leaves in the gradients of the backbone, with dropout's stream at a fixed state."""
    torch.manual_seed(1)
    found = run.step(batch, 1e-3, torch.Generator().manual_seed(2))
    return found, [parameter.grad.clone() for parameter in run.backbone.parameters()]


def test_log_variances_follow_the_formula_over_steps_of_gradient_descent():
    """d/ds of L / (2 e^s) + s / 2 is (1 - L / e^s) / 2."""
    scalarizer = uncertainty(2)
    rate, s = 0.1, [-0.5, -0.5]
    for losses in ([0.7, 0.1], [0.6, 0.2], [0.5, 0.05]):
        scalarizer.zero_grad()
        value = scalarizer(torch.tensor(losses))
        assert value.item() == pytest.approx(sum(L / (2 * math.exp(e)) + e / 2 for L, e in zip(losses, s, strict=True)))
        value.backward()
        with torch.no_grad():
            scalarizer.log_var -= rate * scalarizer.log_var.grad
        s = [e - rate * (1 - L / math.exp(e)) / 2 for L, e in zip(losses, s, strict=True)]
        assert scalarizer.log_var.tolist() == pytest.approx(s, rel=1e-5)


def test_averages_weigh_earlier_batches_by_powers_of_the_decay():
    decay, history = 0.8, np.array([[0.7, 0.2], [0.6, 0.0], [0.9, 0.1], [0.3, 0.4]])
    averages = MovingAverages(2, decay)
    for count in range(1, len(history) + 1):
        value = averages(torch.tensor(history[count - 1], dtype=torch.float32))
        expected = 0.0
        for task in range(2):
            seen = history[:count, task]
            # The second task has no row in the second batch.
            powers = decay ** np.arange(np.count_nonzero(seen))[::-1]
            expected += seen[-1] / np.average(seen[seen > 0], weights=powers)
        assert float(value) == pytest.approx(expected, rel=1e-5)


def test_a_task_without_a_row_in_the_first_batches_weighs_nothing():
    averages = MovingAverages(2, 0.9)
    losses = torch.tensor([0.5, 0.0], requires_grad=True)
    averages(losses).backward()
    assert losses.grad.tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize("balance", BALANCES)
def test_every_parameter_gets_the_weighted_sum_of_the_tasks_gradients(orders, balance):
    run = start("din", "plain", orders, TWO_TASKS, penalty=0.0, balance=balance)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    model = copy.deepcopy(run.backbone)
    torch.manual_seed(1)
    losses = run.method.loss(model, batch, model.embed(batch), torch.Generator()).parts
    weight = {task: math.exp(0.5) / 2 if balance == "uncertainty" else 1 / losses[task].item() for task in losses}
    sum(weight[task] * losses[task] for task in losses).backward()
    found, gradients = gradients_of_step(run, batch)
    for task in losses:
        assert float(found.parts[f"weight of {task}"]) == pytest.approx(weight[task], rel=1e-5)
    assert float(found.total) == pytest.approx(sum(loss.item() for loss in losses.values()), rel=1e-6)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(gradient, parameter.grad.to_dense(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("balance", BALANCES)
def test_what_a_method_adds_and_penalties_keep_their_weight(orders, balance):
    """The gradient of the added term is the same with and without the balance."""

    def run_with(balance, weight):
        return start("din", "icl", orders, TWO_TASKS, method_settings={"weight": weight}, balance=balance)

    batch = next(run_with("sum", 0.3).feed.batches(run_with("sum", 0.3).feed.epoch(0, 1), 256))
    added = []
    for each in ("sum", balance):
        little, much = (gradients_of_step(run_with(each, weight), batch)[1] for weight in (0.25, 0.75))
        added.append([one - other for one, other in zip(much, little, strict=True)])
    for one, other in zip(*added, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_log_variances_are_trained_by_the_runs_adam(orders):
    run = start("din", "plain", orders, TWO_TASKS, balance="uncertainty")
    s = torch.tensor([-0.5, -0.5], requires_grad=True)
    adam = torch.optim.Adam([s], lr=0.02)
    generator = torch.Generator().manual_seed(0)
    for batch in list(run.feed.batches(run.feed.epoch(0, 1), 256))[:4]:
        losses = run.step(batch, 0.02, generator).parts
        adam.zero_grad()
        sum(losses[task] / (2 * s[place].exp()) + s[place] / 2 for place, task in enumerate(TWO_TASKS.tasks)).backward()
        adam.step()
    torch.testing.assert_close(run.balancer.state_dict()["scalarizer.log_var"], s.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize("looks", [1, 2])
def test_a_run_resumes_with_the_same_bits(orders, balance, looks):
    whole, half, resumed = (
        start("shared-bottom", "plain", orders, TWO_TASKS, epochs=2, looks=looks, balance=balance) for _ in range(3)
    )
    list(fit(whole))
    next(fit(half))
    checkpoint = half.checkpoint()
    assert below("balance", parse(checkpoint, "cpu")[0])
    assert not any("balance" in name for name in half.best)
    resumed.restore(checkpoint)
    list(fit(resumed))
    assert [look.parts for look in resumed.epochs] == [look.parts for look in whole.epochs]
    ours, theirs = (parse(run.checkpoint(), "cpu")[0] for run in (whole, resumed))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("balance", BALANCES)
def test_a_single_task_is_refused(small, balance):
    with pytest.raises(CtrbenchError, match=f"training.balance {balance}: weighs tasks .* data.tasks has only click"):
        start("din", "plain", small, balance=balance)


@pytest.mark.parametrize("balance", [*BALANCES, "nash", "imtl-g"])
def test_weights_of_tasks_are_refused_where_a_factor_decides_nothing(orders, balance):
    with pytest.raises(CtrbenchError, match=f'balance = "{balance}" finds the weights of the tasks.*drop task_weights'):
        start("din", "plain", orders, TWO_TASKS, balance=balance, task_weights={"conversion": 2.0})
