"""Experts: networks of equal sizes, as one batched product per layer; and the gates that mix them.

Shape:
    G groups of E experts; the experts of a group have one input.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.masks import Dropout


class Linears(nn.Module):
    """Linear layers of equal sizes side by side. (G, B, inputs) -> (G, B, outputs)."""

    def __init__(self, groups: int, inputs: int, outputs: int) -> None:
        """Every layer starts as ``nn.Linear`` does."""
        super().__init__()
        bound = 1 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(groups, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(groups, 1, outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Each layer on its own input."""
        return torch.baddbmm(self.bias, x, self.weight)


class Experts(nn.Module):
    """(G, B, H) -> (G, E, B, sizes[-1]): activation and dropout after every layer."""

    def __init__(
        self,
        groups: int,
        experts: int,
        size: int,
        sizes: Sequence[int],
        *,
        dropout: float,
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        self.groups, self.experts, self.size = groups, experts, sizes[-1]
        # The first layers of a group read one input: side by side they are one layer.
        self.first = Linears(groups, size, experts * sizes[0])
        self.rest = nn.ModuleList(Linears(groups * experts, before, after) for before, after in pairwise(sizes))
        self.activation, self.dropout = activation(), Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of the experts."""
        rows = x.shape[1]
        side_by_side = self.first(x).view(self.groups, rows, self.experts, -1)
        out = side_by_side.transpose(1, 2).reshape(self.groups * self.experts, rows, -1)
        out = self.dropout(self.activation(out))
        for layer in self.rest:
            out = self.dropout(self.activation(layer(out)))
        return out.view(self.groups, self.experts, rows, self.size)


class Gates(nn.Module):
    """Softmax gates, each of which mixes the same experts: x (B, H), experts (E, B, K) -> (G, B, K)."""

    def __init__(self, gates: int, size: int, experts: int) -> None:
        super().__init__()
        self.gates, self.experts = gates, experts
        self.layer = nn.Linear(size, gates * experts)

    def forward(self, x: Tensor, experts: Tensor) -> Tensor:
        """The mixtures."""
        return mixed(self.layer(x).view(len(x), self.gates, self.experts), experts)


def mixed(logits: Tensor, experts: Tensor) -> Tensor:
    """Mixtures (G, B, K) of experts (E, B, K) with the softmax weights of some logits (B, G, E)."""
    return torch.einsum("bge,ebk->gbk", functional.softmax(logits, 2), experts)
