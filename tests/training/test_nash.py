"""Nash-MTL's weights: the equation of the paper, the closed form for two gradients, and the edges."""

import math

import pytest
import torch

from ctrbench.training.balance.nash import EDGE, bargain, nash


def gradients(k, seed, *, lengths=1.0, common=0.0):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(k, 40, generator=generator, dtype=torch.double)
    return lengths * (drawn + common * torch.randn(40, generator=generator, dtype=torch.double))


def residual(rows, alpha):
    return ((rows @ rows.t() @ alpha) * alpha - 1).abs().max()


@pytest.mark.parametrize("k", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("common", [0.0, 3.0])
def test_the_weights_solve_the_papers_equation(k, common):
    lengths = torch.logspace(-4, 2, k, dtype=torch.double)[:, None]
    rows = gradients(k, 1, lengths=lengths, common=common)
    alpha = bargain(rows @ rows.t())
    assert (alpha > 0).all()
    assert residual(rows, alpha) < 1e-9
    assert torch.linalg.norm(rows.t() @ alpha) == pytest.approx(math.sqrt(k), rel=1e-9)


def test_the_weights_solve_the_equation_of_three_gradients_in_strong_conflict():
    """Two of them nearly opposed, and the third near their plane."""
    base = gradients(3, 2)
    rows = torch.stack([base[0], -base[0] + 0.05 * base[1], 0.3 * base[0] - base[1] + 0.1 * base[2]])
    assert residual(rows, bargain(rows @ rows.t())) < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_two_gradients_have_the_closed_form(seed):
    rows = gradients(2, seed, lengths=torch.tensor([[0.01], [7.0]], dtype=torch.double))
    lengths = rows.norm(dim=1)
    cosine = rows[0] @ rows[1] / lengths.prod()
    expected = 1 / (lengths * (1 + cosine).sqrt())
    alpha = bargain(rows @ rows.t())
    torch.testing.assert_close(alpha, expected, rtol=1e-9, atol=0)
    assert (rows @ rows.t() @ alpha - 1 / alpha).abs().max() < 1e-6


def test_parallel_gradients_share_the_step():
    row = gradients(1, 3)[0]
    rows = torch.stack([row, 4 * row])
    alpha = bargain(rows @ rows.t())
    torch.testing.assert_close(alpha * rows.norm(dim=1), torch.full((2,), 0.5**0.5, dtype=torch.double))


@pytest.mark.parametrize("ratio", [1.0, 20.0])
def test_opposed_gradients_get_finite_weights_and_cancel(ratio):
    row = gradients(1, 4)[0]
    rows = torch.stack([row, -ratio * row])
    alpha = bargain(rows @ rows.t())
    torch.testing.assert_close(alpha * rows.norm(dim=1), torch.full((2,), EDGE**-0.5, dtype=torch.double))
    assert torch.linalg.norm(alpha @ rows) < 1e-9


def test_opposed_gradients_in_single_precision_send_next_to_nothing():
    row = gradients(1, 5)[0].float()
    rows = torch.stack([row, -3.3 * row, 0 * row])
    weights = nash(rows @ rows.t(), torch.Generator())
    assert weights.dtype == torch.float32
    assert torch.linalg.norm(weights @ rows) < 1e-2


def test_three_gradients_that_cancel_get_finite_weights():
    base = gradients(2, 6)
    rows = torch.stack([base[0], base[1], -base[0] - base[1]])
    alpha = bargain(rows @ rows.t())
    assert torch.isfinite(alpha).all()
    assert (alpha > 0).all()
    assert torch.linalg.norm(alpha @ rows) < 0.01


@pytest.mark.parametrize("k", [2, 3])
def test_the_gradient_has_length_1(k):
    rows = gradients(k, 7, lengths=1e-3).float()
    weights = nash(rows @ rows.t(), torch.Generator())
    assert torch.linalg.norm(weights @ rows) == pytest.approx(1, rel=1e-5)


def test_a_term_without_a_gradient_has_no_weight():
    rows = torch.cat([gradients(2, 8), torch.zeros(1, 40, dtype=torch.double)])
    alpha = bargain(rows @ rows.t())
    assert alpha[2] == 0
    torch.testing.assert_close(alpha[:2], bargain(rows[:2] @ rows[:2].t()))
    assert (bargain(torch.zeros(2, 2)) == 0).all()
