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
    def forward(ctx: Any, z: Tensor, others: Tensor, tau: float, left_out: Tensor | None) -> Tensor:
        scores = (z / tau) @ others.t()
        if left_out is not None:
            scores.masked_fill_(left_out, -torch.inf)
        largest = scores.amax(1, keepdim=True)
        weights = scores.sub_(largest).exp_()
        total = weights.sum(1, keepdim=True)
        ctx.save_for_backward(z, others, weights, total)
        ctx.tau = tau
        return (total.log() + largest).squeeze(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        z, others, weights, total = ctx.saved_tensors
        scale = grad.unsqueeze(1) / (total * ctx.tau)
        return weights @ others * scale, weights.t() @ (z * scale), None, None


def logsumexp_of_products(z: Tensor, others: Tensor, tau: float, left_out: Tensor | None = None) -> Tensor:
    """log sum_c exp(<z_b, others_c> / tau) for each row (B,), without leaving log space.

    ``left_out`` (B, C): pairs that do not count; every row needs one that does.
    """
    return _LogSumExp.apply(z, others, tau, left_out)  # type: ignore[no-untyped-call]
