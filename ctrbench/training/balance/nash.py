"""Nash-MTL: the weights on which the terms of a loss agree when they bargain over the direction of a step.

Source: Navon et al., Multi-Task Learning as a Bargaining Game, ICML 2022, arXiv 2202.01017. With the gradients as the
columns of G, the weights alpha > 0 solve ``G^T G alpha = 1 / alpha``. They are the only minimum of the convex function
``alpha^T G^T G alpha / 2 - sum log alpha``, which Newton's method finds: unlike the authors' code and torchjd's, it
needs no solver. Two other differences to the authors' code: it also multiplies the gradients of each task's own layers
by alpha, where we leave them as they are; and it divides ``G^T G`` by its norm before it solves, so that the sum of
small gradients stays short, where ours has the length that the equation gives.

Shape:
    k terms: inner products of their gradients (k, k) -> weights (k,).
"""

import torch
from torch import Tensor

EDGE = 1e-6
"""Smallest eigenvalue of the matrix of cosines: below, single precision cannot tell it from 0."""
LONGEST = 1.0
"""Length to which the authors clip the gradient of the shared weights."""
ROUNDS = 100
"""Most steps of Newton's method; two terms need none, and three to eight random gradients at most 17."""


def nash(gramian: Tensor, generator: torch.Generator) -> Tensor:  # noqa: ARG001
    """The agreed weights, scaled down where the weighted sum of the gradients is longer than ``LONGEST``.

    By the equation, that sum has length sqrt(k), so it always ends at length 1, unless the gradients cancel.
    """
    inner = gramian.double().cpu()
    weights = bargain(inner)
    length = (weights @ inner @ weights).clamp(min=0).sqrt()
    return (weights * (LONGEST / length.clamp(min=LONGEST))).to(gramian)


def bargain(inner: Tensor) -> Tensor:
    """Solves ``inner @ alpha = 1 / alpha`` in double precision.

    A term without a gradient has weight 0. Where the gradients can cancel, as two with a cosine of -1, no finite
    solution exists: the eigenvalues of their cosines are raised to ``EDGE``, and their weighted sum is then near 0.
    """
    lengths = inner.diagonal().clamp(min=0).sqrt()
    taking_part = lengths > 0
    alpha = torch.zeros_like(lengths)
    if taking_part.any():
        own = lengths[taking_part]
        cosines = inner[taking_part][:, taking_part] / torch.outer(own, own)
        alpha[taking_part] = _agree(_raised(cosines)) / own
    return alpha


def _raised(cosines: Tensor) -> Tensor:
    values, vectors = torch.linalg.eigh(cosines)
    return cosines + (vectors * (values.clamp(min=EDGE) - values)) @ vectors.t()


def _agree(cosines: Tensor) -> Tensor:
    """The solution for gradients of length 1, by damped Newton steps, which keep every weight positive."""
    # The best equal weights: for two terms, this is the solution, 1 / sqrt(1 + cos).
    weights = (len(cosines) / cosines.sum()).sqrt().expand(len(cosines))
    for _ in range(ROUNDS):
        slope = cosines @ weights - 1 / weights
        step = torch.linalg.solve(cosines + torch.diag(weights**-2), slope)
        decrement = (slope @ step).clamp(min=0).sqrt()
        if decrement < 1e-12:
            break
        weights = weights - step / (1 + decrement)
    return weights
