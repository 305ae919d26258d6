"""Balances of the gradients of a loss's terms, against each algorithm written out over whole gradients."""

from dataclasses import replace
from typing import get_args

import pytest
import torch

from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Loss
from ctrbench.testing.runs import TWO_TASKS, start
from ctrbench.training.balance.build import OF_GRADIENTS, OF_LOSSES, build_balancer
from ctrbench.training.fit import fit
from ctrbench.training.settings import BalanceOfGradients, BalanceOfLosses

COHORTS = {"head": ["age_group = 3"], "tail": ["age_group = 1"], "head_weight": 30.0, "tail_weight": 20.0}


def terms_of(run, batch, seed):
    """The loss of a batch, and of each of its terms the gradient at every parameter."""
    torch.manual_seed(seed)
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator().manual_seed(1))
    parameters = [*run.backbone.parameters(), *run.method.parameters()]
    found = []
    for term in (*loss.primary.values(), *loss.terms.values()):
        gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
        found.append([gradient if gradient is None else gradient.to_dense() for gradient in gradients])
    return loss, parameters, found


def balancer(run, balance):
    return build_balancer(run.settings.model_copy(update={"balance": balance}), run.backbone, run.method)


def drawn(seed):
    """The seed of the order of projections that a generator's state gives."""
    return int(torch.randint(2**31, (), generator=torch.Generator().manual_seed(seed)))


def projected(vectors, seed):
    """Algorithm 1 of PCGrad: each vector loses its parts along others that it conflicts with, in a random order."""
    torch.manual_seed(seed)
    total = torch.zeros_like(vectors[0])
    for place, vector in enumerate(vectors):
        own = vector.clone()
        for other in torch.randperm(len(vectors)).tolist():
            if other != place and (product := own @ vectors[other]) < 0:
                own -= product / (vectors[other] @ vectors[other]) * vectors[other]
        total += own
    return total


def flat(gradients, like, places):
    return torch.cat(
        [(torch.zeros_like(like[p]) if gradients[p] is None else gradients[p]).flatten() for p in places]
    ).double()


@pytest.mark.parametrize("backbone", ["din", "deepfm", "dhen"])
def test_the_shared_weights_get_the_projected_gradients_and_the_others_the_sum(small, backbone):
    run = start(backbone, "c2al", small, method_settings=COHORTS)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    # A fourth term is sure to conflict with the first, which it turns round.
    loss, parameters, found = terms_of(run, batch, 3)
    turned = -2 * loss.primary["click"]
    loss = loss.plus("turned", turned)
    found.append([None if each is None else -2 * each for each in found[0]])
    own = {id(weight) for part in (*run.backbone.heads, run.method) for weight in part.parameters()}
    shared = [place for place, weight in enumerate(parameters) if id(weight) not in own]
    for parameter in parameters:
        parameter.grad = None
    balancer(run, "pcgrad").backward(loss.total, loss, torch.Generator().manual_seed(5))
    expected = projected([flat(own, parameters, shared) for own in found], drawn(5))
    got = flat([None if p.grad is None else p.grad.to_dense() for p in parameters], parameters, shared)
    assert (got - expected).norm() < 1e-4 * expected.norm()
    plain_sum = sum(flat(own, parameters, shared) for own in found)
    assert (got - plain_sum).norm() > 0.02 * plain_sum.norm()
    alone = [place for place in range(len(parameters)) if place not in shared]
    # The output layer, the method's heads, and the first-order table of DeepFM.
    assert len(alone) == (5 if backbone == "deepfm" else 4)
    for place in alone:
        whole = sum(own[place] for own in found if own[place] is not None)
        assert torch.allclose(parameters[place].grad.to_dense(), whole, atol=1e-6)


def test_without_a_conflict_it_is_the_sum(small):
    """Two heads that predict the click itself, from the same h."""
    settings = {**COHORTS, "labels": "again", "head_weight": 0.5, "tail_weight": 0.5}
    run = start("din", "c2al", small, method_settings=settings)
    with torch.no_grad():  # heads as the output layer, so that all gradients at h point the same way
        run.method.auxiliary.weight.copy_(run.backbone.output.weight.expand(2, -1))
        run.method.auxiliary.bias.copy_(run.backbone.output.bias.expand(2))
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    grads = []
    for balance in ("sum", "pcgrad"):
        loss, parameters, _ = terms_of(run, batch, 3)
        for parameter in parameters:
            parameter.grad = None
        balancer(run, balance).backward(loss.total, loss, torch.Generator().manual_seed(5))
        grads.append(flat([p.grad.to_dense() for p in parameters], parameters, range(len(parameters))))
    assert torch.allclose(*grads, atol=1e-6)


def test_plain_with_one_task_trains_with_the_same_bits(small):
    looks = [list(fit(start("din", "plain", small, epochs=1, balance=balance))) for balance in ("sum", "pcgrad")]
    assert looks[0][0].loss == looks[1][0].loss
    assert looks[0][0].validation == looks[1][0].validation


@pytest.mark.parametrize("balance", get_args(BalanceOfGradients))
def test_models_that_share_nothing_train_as_with_the_sum(orders, balance):
    runs = [start("single-task", "plain", orders, data=TWO_TASKS, epochs=1, balance=each) for each in ("sum", balance)]
    looks = [next(fit(run)) for run in runs]
    assert looks[0].validation == looks[1].validation


def test_the_order_of_projections_changes_from_step_to_step(small, monkeypatch):
    """Also without dropout, and though torch's own stream is left where it was."""
    run = start("din", "c2al", small, method_settings=COHORTS, backbone_settings={"dropout": 0.0}, balance="pcgrad")
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 128))
    first, draw = [], torch.randperm
    monkeypatch.setattr(torch, "randperm", lambda n: first.append(draw(n)) or first[-1])
    generator = torch.Generator().manual_seed(1)
    for _ in range(8):
        run.step(batch, 1e-3, generator)
    assert len({tuple(order.tolist()) for order in first[::3]}) > 1


def test_dropout_draws_the_same_whatever_is_projected(small):
    run = start("din", "c2al", small, method_settings=COHORTS)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    states = []
    for balance in ("sum", "pcgrad"):
        loss, _, _ = terms_of(run, batch, 3)
        balancer(run, balance).backward(loss.total, loss, torch.Generator().manual_seed(5))
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


@pytest.mark.parametrize("balance", get_args(BalanceOfGradients))
@pytest.mark.parametrize("adam", ["dense", "lazy"])
def test_a_balanced_run_resumes_with_the_same_bits(small, adam, balance):
    def begin():
        settings = {"epochs": 2, "balance": balance, "embedding_adam": adam}
        return start("din", "c2al", small, method_settings=COHORTS, **settings)

    whole = begin()
    looks = list(fit(whole))
    first = begin()
    next(fit(first))
    resumed = begin()
    resumed.restore(first.checkpoint())
    assert [look.loss for look in looks[1:]] == [look.loss for look in fit(resumed)]
    for one, other in zip(whole.backbone.parameters(), resumed.backbone.parameters(), strict=True):
        assert torch.equal(one, other)


def nash_of(vectors, seed):
    """Closed form for two tasks, cut to length 1."""
    one, other = vectors
    lengths = one.norm(), other.norm()
    total = sum(vector / length for vector, length in zip(vectors, lengths, strict=True))
    return total / total.norm()


def imtl_g_of(vectors, seed):
    """Equation 6 of the paper: the weights of the other tasks from D U^T, with D and U differences to the first."""
    units = [vector / vector.norm() for vector in vectors]
    d = torch.stack([vectors[0] - vector for vector in vectors[1:]])
    u = torch.stack([units[0] - unit for unit in units[1:]])
    others = vectors[0] @ u.t() @ torch.linalg.inv(d @ u.t())
    return (1 - others.sum()) * vectors[0] + others @ torch.stack(vectors[1:])


def aligned_mtl_of(vectors, seed):
    """The mean of the rows of sigma_min U V^T, for gradients U S V^T."""
    u, sigma, v = torch.linalg.svd(torch.stack(vectors), full_matrices=False)
    return sigma.min() * (u @ v).mean(0)


ALGORITHMS = {"pcgrad": projected, "nash": nash_of, "imtl-g": imtl_g_of, "aligned-mtl": aligned_mtl_of}


def test_every_balance_of_gradients_is_tested_here():
    assert ALGORITHMS.keys() == set(get_args(BalanceOfGradients)) == OF_GRADIENTS.keys()
    assert OF_LOSSES.keys() == set(get_args(BalanceOfLosses))


@pytest.mark.parametrize("balance", ALGORITHMS)
@pytest.mark.parametrize("backbone", ["din", "shared-bottom"])
def test_tasks_are_balanced_among_themselves(orders, backbone, balance):
    data = DataSettings(tasks=("click", "conversion"))
    run = start(backbone, "plain", orders, data, task_weights={"conversion": 40.0})
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    loss, parameters, found = terms_of(run, batch, 3)
    assert list(loss.primary) == ["click", "conversion"]
    for parameter in parameters:
        parameter.grad = None
    weights = balancer(run, balance).backward(loss.total, loss, torch.Generator().manual_seed(5))
    output = run.backbone.output
    of_output = {id(weight) for weight in output.parameters()}
    shared = [place for place, weight in enumerate(parameters) if id(weight) not in of_output]
    vectors = [flat(own, parameters, shared) for own in found]
    expected = ALGORITHMS[balance](vectors, drawn(5))
    got = flat([p.grad.to_dense() for p in parameters], parameters, shared)
    assert (got - expected).norm() < 1e-3 * expected.norm()
    combined = sum(weights[task] * vector for task, vector in zip(loss.primary, vectors, strict=True))
    assert (got - combined).norm() < 1e-4 * expected.norm()
    for place in set(range(len(parameters))) - set(shared):
        whole = sum(own[place] for own in found if own[place] is not None)
        assert torch.allclose(parameters[place].grad, whole, atol=1e-6)


@pytest.mark.parametrize("balance", ALGORITHMS)
def test_a_task_without_a_row_in_the_batch_leaves_the_gradients_finite(orders, balance):
    run = start("shared-bottom", "plain", orders, TWO_TASKS, balance=balance)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    none = batch.observed.clone()
    none[:, 1] = False
    loss = run.step(replace(batch, observed=none), 1e-3, torch.Generator().manual_seed(1))
    assert loss.parts["conversion"] == 0
    assert all(torch.isfinite(weight).all() for weight in run.backbone.parameters())


def test_opposed_terms_cancel_under_nash(orders):
    """At the shared weights; the output layers have the gradient of the sum."""
    run = start("din", "plain", orders, DataSettings(tasks=("click", "conversion")), penalty=0.0)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator())
    click = loss.primary["click"]
    opposed = Loss(-2 * click, {}, primary={"click": click, "conversion": -3 * click})
    balancer(run, "nash").backward(opposed.total, opposed, torch.Generator())
    own = {id(weight) for weight in run.backbone.output.parameters()}
    shared = [weight.grad.flatten() for weight in run.backbone.parameters() if id(weight) not in own]
    assert torch.cat(shared).norm() < 1e-2
