"""DHEN: layers that are each an ensemble of interaction modules, here a factorisation machine and a deep network.

Source: Zhang et al., DHEN: A Deep and Hierarchical Ensemble Network for Large-Scale Click-Through Rate Prediction,
arXiv 2203.11014, equations 1 and 2. The modules are those of the C2AL paper's backbone as far as it tells them (Cokbas
et al., arXiv 2510.02215): an attentive factorisation machine, of which Wukong's is the fullest public description, and
an MLP.

Shape:
    X (B, F + G, D) -> (B, n_F + n_M, D) after each layer; h (B, H) from the last, flattened.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.attentive_fm import FMBlock, FMSettings, Shortcut, mlp
from ctrbench.backbones.base import BackboneSettings, Embedded
from ctrbench.backbones.field_interaction import FieldInteraction
from ctrbench.backbones.layers import MLP
from ctrbench.data.inputs import Inputs


class DHENSettings(FMSettings):
    """Settings of DHEN."""

    mlp_vectors: int = Field(8, ge=1)
    """n_M, the vectors that the deep module gives."""


class DeepModule(nn.Module):
    """``reshape(MLP(flatten(X)))``: (B, M, D) -> (B, n_M, D)."""

    def __init__(self, vectors: int, size: int, settings: DHENSettings) -> None:
        super().__init__()
        self.network = mlp((vectors * size, *settings.block_hidden, settings.mlp_vectors * size))
        self.shape = settings.mlp_vectors, size

    def forward(self, x: Tensor) -> Tensor:
        """The module's vectors."""
        return self.network(x.flatten(1)).view(-1, *self.shape)


class DHENLayer(nn.Module):
    """``LayerNorm(Ensemble(X) + ShortCut(X))``; the ensemble is a concatenation."""

    def __init__(self, vectors: int, size: int, settings: DHENSettings) -> None:
        super().__init__()
        self.fm = FMBlock(vectors, size, settings)
        self.deep = DeepModule(vectors, size, settings)
        self.shortcut = Shortcut(vectors, settings.fm_vectors + settings.mlp_vectors)
        self.norm = nn.LayerNorm(size)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n_F + n_M, D)"""
        return self.norm(torch.cat([self.fm(x), self.deep(x)], 1) + self.shortcut(x))


class DHEN(FieldInteraction):
    """See the module's docstring. Y of layer i is the output of ``layers.i.fm.attention``."""

    Settings: ClassVar[type[BackboneSettings]] = DHENSettings
    paper = "DHEN: A Deep and Hierarchical Ensemble Network for Large-Scale Click-Through Rate Prediction"
    source = "Zhang et al., arXiv 2203.11014"

    def __init__(self, inputs: Inputs, settings: DHENSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        size, after = settings.embedding_size, settings.fm_vectors + settings.mlp_vectors
        numbers = (self.vectors, *(after for _ in range(settings.layers - 1)))
        self.layers = nn.Sequential(*(DHENLayer(number, size, settings) for number in numbers))
        self.deep = MLP((after * size, *settings.hidden), activation=nn.ReLU, dropout=settings.dropout)
        self.finish(settings.hidden[-1])

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        return self.deep(self.layers(self.stacked(embedded)).flatten(1))
