"""Log-sums of exponentials over all pairs of two sets of vectors, the costliest part of a contrastive loss.

Source: the denominators of Pan et al., arXiv 2109.13921, equations 2 and 3.

Shape:
    z (B, Z), others (C, Z). One (B, C) matrix is held, and both passes work on it in place: autograd's own pass over
    ``logsumexp(z @ others.t() / tau)`` holds four and costs twice the time.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _LogSumExp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, z: Tensor, others: Tensor, tau: float) -> Tensor:
        scores = (z / tau) @ others.t()
        largest = scores.amax(1, keepdim=True)
        weights = scores.sub_(largest).exp_()
        total = weights.sum(1, keepdim=True)
        ctx.save_for_backward(z, others, weights, total)
        ctx.tau = tau
        return (total.log() + largest).squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        z, others, weights, total = ctx.saved_tensors
        scale = grad.unsqueeze(1) / (total * ctx.tau)
        return weights @ others * scale, weights.t() @ (z * scale), None


def logsumexp_of_products(z: Tensor, others: Tensor, tau: float) -> Tensor:
    """log sum_c exp(<z_b, others_c> / tau) for each row (B,), without leaving log space."""
    return _LogSumExp.apply(z, others, tau)  # type: ignore[no-untyped-call]
