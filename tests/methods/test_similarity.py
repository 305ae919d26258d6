"""The log-sum of exponentials against torch's own, value and gradients."""

import pytest
import torch
from torch.nn import functional

from ctrbench.methods.similarity import logsumexp_of_products

TAU = 0.1


@pytest.fixture
def vectors():
    torch.manual_seed(0)
    z, others = (functional.normalize(torch.randn(n, 8, dtype=torch.double), dim=1) for n in (6, 9))
    return z.requires_grad_(), others.requires_grad_()


def test_value_and_gradients_are_those_of_torch(vectors):
    z, others = vectors
    weight = torch.linspace(-1, 2, 6, dtype=torch.double)
    expected = torch.logsumexp(z @ others.t() / TAU, 1)
    found = logsumexp_of_products(z, others, TAU)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad((value * weight).sum(), vectors) for value in (expected, found)]
    for theirs, ours in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("tau", [0.1, 1.0, 3.0])
def test_gradients_are_the_slopes_of_the_value(vectors, tau):
    assert torch.autograd.gradcheck(lambda z, others: logsumexp_of_products(z, others, tau), vectors)


def test_one_set_may_be_both(vectors):
    z, _ = vectors
    (ours,) = torch.autograd.grad(logsumexp_of_products(z, z, TAU).sum(), z)
    (theirs,) = torch.autograd.grad(torch.logsumexp(z @ z.t() / TAU, 1).sum(), z)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_large_products_stay_finite():
    z, others = torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [0.5]])
    expected = torch.tensor([1000.0, -500.0])
    torch.testing.assert_close(logsumexp_of_products(z, others, 1e-3), expected, rtol=1e-6, atol=0)


def test_what_is_given_is_left_as_it_was(vectors):
    before = [each.detach().clone() for each in vectors]
    logsumexp_of_products(*vectors, TAU).sum().backward()
    assert all(torch.equal(each, kept) for each, kept in zip(vectors, before, strict=True))


def masked(z, others, left_out):
    """The log-sum with the pairs taken out by hand, row by row."""
    rows = [z[b] @ others[~left_out[b]].t() / TAU for b in range(len(z))]
    return torch.stack([torch.logsumexp(row, 0) for row in rows])


def test_pairs_left_out_count_for_nothing(vectors):
    z, others = vectors
    left_out = torch.zeros(6, 9, dtype=torch.bool)
    left_out[0, 3] = left_out[2, :8] = left_out[5, 0] = True
    weight = torch.linspace(-1, 2, 6, dtype=torch.double)
    expected, found = masked(z, others, left_out), logsumexp_of_products(z, others, TAU, left_out)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    gradients = [torch.autograd.grad((value * weight).sum(), vectors) for value in (expected, found)]
    for theirs, ours in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_a_pair_left_out_sends_no_gradient(vectors):
    z, others = vectors
    left_out = torch.zeros(6, 9, dtype=torch.bool)
    left_out[1, 4] = True
    value = logsumexp_of_products(z, others, TAU, left_out)
    (gradient,) = torch.autograd.grad(value[1], others, retain_graph=True)
    assert (gradient[4] == 0).all()
    assert (gradient[[0, 1, 2, 3, 5, 6, 7, 8]] != 0).all()
    (gradient,) = torch.autograd.grad(value[0], others)
    assert (gradient[4] != 0).all()
