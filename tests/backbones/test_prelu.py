"""PReLU against torch's own."""

import pytest
import torch
from torch import nn

from ctrbench.backbones.prelu import PReLU


@pytest.fixture
def x():
    torch.manual_seed(0)
    x = torch.randn(40, 7, dtype=torch.double)
    x[::5, 3] = 0
    return x


@pytest.mark.parametrize("slope", [0.25, 0.0, -0.5, 2.0])
def test_value_and_both_gradients_are_those_of_torch(x, slope):
    weight = torch.randn_like(x)
    found = []
    for layer in (PReLU().double(), nn.PReLU().double()):
        nn.init.constant_(layer.weight, slope)
        own = x.clone().requires_grad_()
        value = layer(own)
        found.append((value, *torch.autograd.grad((value * weight).sum(), (own, layer.weight))))
    for ours, theirs in zip(*found, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_gradients_are_the_slopes_of_the_value(x):
    layer = PReLU().double()
    away_from_zero = torch.where(x.abs() < 0.01, 0.5, x).requires_grad_()

    def call(own, slope):
        return torch.func.functional_call(layer, {"weight": slope}, own)

    assert torch.autograd.gradcheck(call, (away_from_zero, torch.tensor([0.3], dtype=torch.double, requires_grad=True)))


def test_a_gradient_that_is_not_contiguous(x):
    ours, theirs = PReLU().double(), nn.PReLU().double()
    for layer in (ours, theirs):
        layer(x.t()).t().sum(0).sum().backward()
    torch.testing.assert_close(ours.weight.grad, theirs.weight.grad, rtol=0, atol=1e-12)


def test_it_starts_and_is_saved_as_torchs_own():
    assert PReLU().state_dict() == nn.PReLU().state_dict() == {"weight": torch.tensor([0.25])}
