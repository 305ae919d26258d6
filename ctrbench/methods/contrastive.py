"""What ICL and AQCL share: the projector and the two views of a batch.

Source: Pan et al., arXiv 2109.13921, sections 4.1 and 4.2.

Shape:
    B rows, H size of h, Z size of z.
"""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.methods.augmentation import augment
from ctrbench.methods.base import MethodSettings


class ContrastiveSettings(MethodSettings):
    """Settings of a contrastive loss between two views of a row."""

    weight: float = Field(0.05, ge=0)
    """w of eq. 8. The paper searches {0.01, 0.05, 0.1}."""
    tau: float = Field(0.1, gt=0)
    """Temperature of the similarity between rows."""
    projection_size: int = Field(32, ge=1)
    """Z; in the paper, all sizes from 32 on work equally well (figure 7a)."""
    mask_rate: float = Field(0.2, ge=0, lt=1)
    """Share of a history's clicks that the second view masks. The paper does not give it."""
    zero_rate: float = Field(0.1, ge=0, lt=1)
    """Share of embedding bits that the second view zeroes. The paper does not give it."""


class TwoViews(nn.Module):
    """Projects h of a row and of its augmented view: z = g(h), normalised, so that products are cosines."""

    def __init__(self, size: int, settings: ContrastiveSettings) -> None:
        super().__init__()
        self.settings = settings
        self.projector = nn.Sequential(
            nn.Linear(size, size),
            nn.LeakyReLU(),
            nn.Linear(size, size),
            nn.LeakyReLU(),
            nn.Linear(size, settings.projection_size),
        )

    def forward(
        self, backbone: Backbone, embedded: Embedded, h: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Unit vectors z and z+ (B, Z)."""
        view = augment(embedded, self.settings.mask_rate, self.settings.zero_rate, generator)
        z, positive = self.projector(torch.cat([h, backbone.interact(view)])).chunk(2)
        return functional.normalize(z, dim=1), functional.normalize(positive, dim=1)
