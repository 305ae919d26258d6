"""DCN-V2: layers of explicit crosses, beside or below a deep network.

Source: Wang et al., DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to Rank Systems,
WWW 2021, arXiv 2008.13535, equation 1 (cross layer), equation 2 (low rank) and figure 1 (both structures). Its mixture
of low-rank experts (equation 3) is left out.

Shape:
    x_0 = flatten(X) (B, (F + G) * D); h is [crosses, deep] (parallel) or deep(crosses) (stacked).
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.base import BackboneSettings, Embedded
from ctrbench.backbones.field_interaction import FieldInteraction, FieldInteractionSettings
from ctrbench.backbones.layers import MLP
from ctrbench.data.inputs import Inputs


class DCNV2Settings(FieldInteractionSettings):
    """Settings of DCN-V2."""

    crosses: int = Field(3, ge=1)
    """Cross layers: the crosses reach degree ``crosses`` + 1."""
    rank: int | None = Field(None, ge=1)
    """Rank of each cross layer's matrix, as U V^T; None: a full matrix."""
    structure: Literal["parallel", "stacked"] = "parallel"
    """The deep network beside the crosses, or on top of them."""


class CrossLayer(nn.Module):
    """``x_0 * (W x + b) + x`` for x_0 and x (B, d), with W full or ``U V^T``."""

    def __init__(self, size: int, rank: int | None) -> None:
        super().__init__()
        full = nn.Linear(size, size)
        self.weight = full if rank is None else nn.Sequential(nn.Linear(size, rank, bias=False), nn.Linear(rank, size))

    def forward(self, first: Tensor, x: Tensor) -> Tensor:
        """The next x (B, d)."""
        return torch.addcmul(x, first, self.weight(x))


class DCNV2(FieldInteraction):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = DCNV2Settings
    paper = "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale Learning to Rank Systems"
    source = "Wang et al., WWW 2021, arXiv 2008.13535"

    def __init__(self, inputs: Inputs, settings: DCNV2Settings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        size = self.vectors * settings.embedding_size
        self.crosses = nn.ModuleList(CrossLayer(size, settings.rank) for _ in range(settings.crosses))
        self.deep = MLP((size, *settings.hidden), activation=nn.ReLU, dropout=settings.dropout)
        self.parallel = settings.structure == "parallel"
        self.finish(settings.hidden[-1] + (size if self.parallel else 0))

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        first = crossed = self.stacked(embedded).flatten(1)
        for layer in self.crosses:
            crossed = layer(first, crossed)
        return torch.cat([crossed, self.deep(first)], 1) if self.parallel else self.deep(crossed)
