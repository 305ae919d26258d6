"""The sorted form of the squared hinges against the double loop."""

import pytest
import torch

from ctrbench.methods.conversion.squared_hinge import squared_hinges


def double_loop(lower, higher, counts, margin):
    hinges = torch.relu(lower.unsqueeze(1) - higher.unsqueeze(0) + margin)
    return (hinges.square() * counts).sum(1)


def scores(*sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.rand(size, dtype=torch.float64, generator=generator, requires_grad=True) for size in sizes]


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("ties", [False, True])
def test_value_and_gradients_are_those_of_the_double_loop(margin, ties):
    lower, higher = scores(300, 90)
    if ties:
        lower, higher = (each.detach().mul(5).round().div(5).requires_grad_() for each in (lower, higher))
    counts = (torch.arange(90) % 3 > 0).double()
    upstream = torch.linspace(-1, 2, 300, dtype=torch.float64)
    found, wanted = (form(lower, higher, counts, margin) for form in (squared_hinges, double_loop))
    torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    gradients = [torch.autograd.grad(each @ upstream, (lower, higher)) for each in (found, wanted)]
    for own, other in zip(*gradients, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-11, atol=1e-11)
    assert wanted.sum() > 0


def test_its_gradient_is_that_of_its_value():
    lower, higher = scores(7, 5)
    counts = torch.tensor([1.0, 0, 1, 1, 1])
    assert torch.autograd.gradcheck(lambda a, b: squared_hinges(a, b, counts, 0.25), (lower, higher))


@pytest.mark.parametrize("higher", [torch.empty(0), torch.tensor([0.1, 0.2])], ids=["no rows", "none of the group"])
def test_without_higher_rows_it_is_exactly_0(higher):
    lower = torch.tensor([0.3, 0.9], requires_grad=True)
    found = squared_hinges(lower, higher, torch.zeros(len(higher)), 0.5)
    found.sum().backward()
    assert torch.equal(found, torch.zeros(2, dtype=torch.float64))
    assert torch.equal(lower.grad, torch.zeros(2))


def test_close_scores_lose_no_digits_in_single_precision():
    lower = 0.05 + 1e-5 * torch.rand(4000, generator=torch.Generator().manual_seed(1))
    higher = lower.flip(0)[:1000] + 2e-6
    found = squared_hinges(lower, higher, torch.ones(1000), 0.0)
    wanted = double_loop(lower.double(), higher.double(), torch.ones(1000), 0.0)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-12)
