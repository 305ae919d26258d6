"""Wukong: layers of a factorisation machine's block beside a linear compression.

Source: Zhang et al., Wukong: Towards a Scaling Law for Large-Scale Recommendation, ICML 2024, arXiv 2403.02545,
sections 3.2 to 3.7.

Shape:
    X (B, F + G, D) -> (B, n_F + n_L, D) after each layer; h (B, H) from the last, flattened.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.attentive_fm import FMBlock, FMSettings, LinearCompression, Shortcut
from ctrbench.backbones.base import BackboneSettings, Embedded
from ctrbench.backbones.field_interaction import FieldInteraction
from ctrbench.backbones.layers import MLP
from ctrbench.data.inputs import Inputs


class WukongSettings(FMSettings):
    """Settings of Wukong."""

    linear_vectors: int = Field(8, ge=1)
    """n_L, the vectors that the linear compression gives."""


class WukongLayer(nn.Module):
    """``LayerNorm(concat(FMB(X), LCB(X)) + X)``, the last X compressed where the numbers of vectors differ."""

    def __init__(self, vectors: int, size: int, settings: WukongSettings) -> None:
        super().__init__()
        after = settings.fm_vectors + settings.linear_vectors
        self.fm = FMBlock(vectors, size, settings)
        self.compress = LinearCompression(vectors, settings.linear_vectors)
        self.shortcut = Shortcut(vectors, after)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_F + n_L, D)"""
        return self.norm(torch.cat([self.fm(x), self.compress(x)], 1) + self.shortcut(x))


class Wukong(FieldInteraction):
    """See the module's docstring. Y of layer i is the output of ``layers.i.fm.attention``."""

    Settings: ClassVar[type[BackboneSettings]] = WukongSettings
    paper = "Wukong: Towards a Scaling Law for Large-Scale Recommendation"
    source = "Zhang et al., ICML 2024, arXiv 2403.02545"

    def __init__(self, inputs: Inputs, settings: WukongSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        size, after = settings.embedding_size, settings.fm_vectors + settings.linear_vectors
        numbers = (self.vectors, *(after for _ in range(settings.layers - 1)))
        self.layers = nn.Sequential(*(WukongLayer(number, size, settings) for number in numbers))
        self.deep = MLP((after * size, *settings.hidden), activation=nn.ReLU, dropout=settings.dropout)
        self.finish(settings.hidden[-1])

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        return self.deep(self.layers(self.stacked(embedded)).flatten(1))
