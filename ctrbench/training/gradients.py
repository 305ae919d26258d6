"""The gradients of the terms of a loss, one by one."""

from collections.abc import Sequence

import torch
from torch import Tensor


def gradients_of(term: Tensor, weights: Sequence[Tensor]) -> list[Tensor | None]:
    """The gradient of a term at each weight, dense; None where the term does not reach it. The graph stays."""
    found = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
    return [None if gradient is None else gradient.to_dense() for gradient in found]
