"""AutoInt: multi-head self-attention between the fields.

Source: Song et al., AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks, CIKM 2019,
arXiv 1810.11921, equations 5 to 8; with a deep network beside it, as by default here, the paper calls it AutoInt+.
Scores are inner products that nothing scales, as in equation 5.

Shape:
    X (B, M, D) -> (B, M, heads * A) after each layer, M = F + G; h is [flatten(last), deep(flatten(X))].
"""

from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.attention import Attention
from ctrbench.backbones.base import BackboneSettings, Embedded
from ctrbench.backbones.field_interaction import FieldInteraction, FieldInteractionSettings
from ctrbench.backbones.layers import MLP
from ctrbench.data.inputs import Inputs


class AutoIntSettings(FieldInteractionSettings):
    """Settings of AutoInt."""

    layers: int = Field(3, ge=1)
    """Layers of self-attention."""
    heads: int = Field(2, ge=1)
    """Heads of each layer."""
    head_size: int = Field(16, ge=1)
    """A, the size of a head's vectors."""
    deep: bool = True
    """Whether a deep network of sizes ``hidden`` stands beside the attention (AutoInt+)."""


class SelfAttention(Attention):
    """One interacting layer: (B, M, D) -> (B, M, heads * A)."""

    def __init__(self, size: int, heads: int, head_size: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(size, 3 * heads * head_size, bias=False)
        self.residual = nn.Linear(size, heads * head_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Equations 5 to 8."""
        weights, value = self._weigh(x)
        mixed = (weights @ value).transpose(1, 2).flatten(2)
        return torch.relu(mixed + self.residual(x))

    def attention(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """The weights (B, heads, M, M) of equation 5."""
        return self._weigh(x)[0]

    def attention_parameters(self) -> Iterator[Tensor]:
        """The matrices of query and key."""
        yield from self.query_key_value.weight.chunk(3)[:2]

    def _weigh(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The weights (B, heads, M, M), and the vectors (B, heads, M, A) that they weigh."""
        rows, vectors, _ = x.shape
        # (3, B, heads, M, A)
        parts = self.query_key_value(x).view(rows, vectors, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        return (query @ key.transpose(2, 3)).softmax(3), value


class AutoInt(FieldInteraction):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = AutoIntSettings
    paper = "AutoInt: Automatic Feature Interaction Learning via Self-Attentive Neural Networks"
    source = "Song et al., CIKM 2019, arXiv 1810.11921"

    def __init__(self, inputs: Inputs, settings: AutoIntSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        width = settings.heads * settings.head_size
        sizes = (settings.embedding_size, *(width for _ in range(settings.layers - 1)))
        self.layers = nn.ModuleList(SelfAttention(size, settings.heads, settings.head_size) for size in sizes)
        first = self.vectors * settings.embedding_size
        self.deep = (
            MLP((first, *settings.hidden), activation=nn.ReLU, dropout=settings.dropout) if settings.deep else None
        )
        self.finish(self.vectors * width + (settings.hidden[-1] if settings.deep else 0))

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        x = stacked = self.stacked(embedded)
        for layer in self.layers:
            x = layer(x)
        return x.flatten(1) if self.deep is None else torch.cat([x.flatten(1), self.deep(stacked.flatten(1))], 1)
