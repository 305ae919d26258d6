"""The contract of every balance, and the balance that leaves the terms as they are.

Shape:
    k terms of a loss.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ctrbench.methods.base import Loss


class Balancer(nn.Module, ABC):
    """Fills the gradients of all parameters of a run.

    Its parameters are trained with those of the backbone, and its state is part of a checkpoint; neither is kept with
    the best weights, since no prediction needs it.
    """

    @abstractmethod
    def backward(self, total: Tensor, loss: Loss, generator: torch.Generator) -> dict[str, Tensor]:
        """Adds the gradients of ``total``, the loss with its penalties, to those of the parameters.

        Returns the weight that the balance gave to each term, by the term's name; empty where it weighed none.
        """


class Sum(Balancer):
    """All terms as one loss."""

    def backward(self, total: Tensor, loss: Loss, generator: torch.Generator) -> dict[str, Tensor]:  # noqa: ARG002
        """One backward pass."""
        total.backward()
        return {}


def reweighted(total: Tensor, terms: Sequence[Tensor], weights: Tensor) -> Tensor:
    """``total``, which contains each of ``terms`` once, with these terms multiplied by ``weights`` (k,)."""
    return total + ((weights - 1) * torch.stack([*terms])).sum()
