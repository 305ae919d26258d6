"""L2 over whole embedding tables: ``lambda / 2 * sum ||W||^2``, once per step.

Source: FuxiCTR's ``embedding_regularizer`` (Zhu et al., Open Benchmarking for Click-Through Rate Prediction, CIKM
2021); DeepCTR's ``l2_reg_embedding`` is ``lambda * sum ||W||^2``.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


class TableL2:
    """The penalty of some tables. It reaches every row, even rows that a batch does not touch.

    Coupled, its gradient ``lambda W`` is added to the tables' gradients after the backward pass: the same result as
    autograd of the sum, without running autograd over the whole tables. Decoupled, it shrinks the weights themselves.
    """

    def __init__(self, weight: float, tables: Sequence[Tensor]) -> None:
        """``weight`` is lambda; ``tables`` have requires_grad."""
        self.weight, self.tables = weight, tables

    @torch.no_grad()
    def add_gradient(self) -> Tensor:
        """Adds the gradient to the tables' ``grad``; returns the penalty, a scalar on the device."""
        total = torch.zeros((), device=self.tables[0].device)
        for table in self.tables:
            if table.grad is None:  # no row was looked up
                table.grad = torch.zeros_like(table)
            table.grad.add_(table, alpha=self.weight)
            flat = table.flatten()
            total += torch.dot(flat, flat)
        return total * (self.weight / 2)

    @torch.no_grad()
    def shrink(self, rate: float) -> None:
        """Multiplies the tables by 1 - rate * lambda, beside Adam's step (Loshchilov and Hutter, arXiv 1711.05101)."""
        for table in self.tables:
            table.mul_(1 - rate * self.weight)
