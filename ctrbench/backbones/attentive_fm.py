"""The blocks of Wukong and DHEN: linear compression, a factorisation machine with weights, and what surrounds it.

Source: Zhang et al., Wukong: Towards a Scaling Law for Large-Scale Recommendation, ICML 2024, arXiv 2403.02545,
sections 3.4 to 3.6.

Shape:
    X (B, M, D); n vectors after a block: (B, n, D); k factors.
"""

from itertools import pairwise
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field
from torch import Tensor, nn

from ctrbench.backbones.attention import Attention
from ctrbench.backbones.base import check_sizes
from ctrbench.backbones.field_interaction import FieldInteractionSettings

Form = Literal["attentive", "free"]


class FMSettings(FieldInteractionSettings):
    """Settings of backbones with this factorisation machine."""

    layers: int = Field(2, ge=1)
    """Interaction layers."""
    factors: int = Field(24, ge=1)
    """k: X X^T, M x M, is projected onto this many columns."""
    fm_vectors: int = Field(8, ge=1)
    """n_F, the vectors that the factorisation machine's block gives."""
    block_hidden: Annotated[tuple[int, ...], AfterValidator(check_sizes)] = Field((128,), min_length=1)
    """Hidden layers of the networks within a block."""
    weights: Form = "attentive"
    """Y: computed from X (attentive), or one free parameter for all rows."""
    compressed: int = Field(8, ge=1)
    """Vectors from which the attentive Y is computed."""


def mlp(sizes: tuple[int, ...]) -> nn.Sequential:
    """Linear layers of these sizes, with ReLU between them and none at the end."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.ReLU(), nn.Linear(before, after)]
    return nn.Sequential(*layers[1:])


class LinearCompression(nn.Module):
    """``W_L X`` (section 3.5): (B, M, D) -> (B, n, D)."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.weight = nn.Linear(before, after, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, D)"""
        return self.weight(x.transpose(1, 2)).transpose(1, 2)


class AttentiveWeights(Attention):
    """Y (B, M, k) = reshape(MLP(flatten(LCB(X)))). The parameters are the module's own, the activations its output."""

    def __init__(self, vectors: int, size: int, settings: FMSettings) -> None:
        super().__init__()
        self.compress = LinearCompression(vectors, settings.compressed)
        self.network = mlp((settings.compressed * size, *settings.block_hidden, vectors * settings.factors))
        self.shape = vectors, settings.factors

    def forward(self, x: Tensor) -> Tensor:
        """Y of each row."""
        return self.network(self.compress(x).flatten(1)).view(-1, *self.shape)


class FreeWeights(Attention):
    """Y (M, k), the same for every row."""

    def __init__(self, vectors: int, factors: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vectors, factors))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, x: Tensor) -> Tensor:  # noqa: ARG002
        """Y itself."""
        return self.weight


class FMBlock(nn.Module):
    """``reshape(MLP(LayerNorm(flatten(X (X^T Y)))))``: (B, M, D) -> (B, n_F, D)."""

    def __init__(self, vectors: int, size: int, settings: FMSettings) -> None:
        super().__init__()
        attentive = settings.weights == "attentive"
        self.attention: nn.Module = (
            AttentiveWeights(vectors, size, settings) if attentive else FreeWeights(vectors, settings.factors)
        )
        self.norm = nn.LayerNorm(vectors * settings.factors)
        self.network = mlp((vectors * settings.factors, *settings.block_hidden, settings.fm_vectors * size))
        self.shape = settings.fm_vectors, size

    def forward(self, x: Tensor) -> Tensor:
        """The block's vectors."""
        # From right to left: X X^T is never made.
        product = x @ (x.transpose(1, 2) @ self.attention(x))
        return self.network(self.norm(product.flatten(1))).view(-1, *self.shape)


class Shortcut(nn.Module):
    """X itself, or ``W X`` where the number of vectors differs."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.compress = LinearCompression(before, after) if before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, after, D)"""
        return self.compress(x)
