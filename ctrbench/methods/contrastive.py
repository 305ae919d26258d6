"""What ICL and AQCL share: the projector, the two views of a batch, and which rows are negatives.

Source: Pan et al., arXiv 2109.13921, sections 4.1 and 4.2.

Shape:
    B rows, H size of h, Z size of z.
"""

from functools import partial

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.augmentation import augment
from ctrbench.methods.base import Context, Method, MethodSettings
from ctrbench.methods.reach import Reach, represent


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
    same_user_negatives: bool = True
    """Whether other rows of a row's user are among its negatives, as in the paper: they have nearly the same history,
    and the loss pushes them apart. False leaves them out; ``data.fields`` must then name ``user``."""
    reach: Reach = "all"
    """How far the gradient of this loss reaches; all but ``all`` are for ablations. ``network``: it trains the network
    but not the embeddings; ``embeddings``: the embeddings but not the network; both cost another pass. ``projector``:
    neither, so that the model trains as plain does, but for the draws of dropout."""


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
        settings = self.settings
        augmented = partial(augment, mask_rate=settings.mask_rate, zero_rate=settings.zero_rate, generator=generator)
        both = represent(backbone, embedded, h, augmented, settings.reach)
        z, positive = self.projector(torch.cat(both)).chunk(2)
        return functional.normalize(z, dim=1), functional.normalize(positive, dim=1)


class ContrastiveMethod(Method):
    """Base class of a method whose loss compares two views of the rows of a batch."""

    def __init__(self, backbone: Backbone, context: Context, settings: ContrastiveSettings) -> None:
        super().__init__(backbone, context, settings)
        self.views = TwoViews(backbone.representation_size, settings)

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,
        settings: MethodSettings,
        manifest: Manifest | None,  # noqa: ARG003
    ) -> str | None:
        """Only the input ``user`` tells which rows have the same user."""
        assert isinstance(settings, ContrastiveSettings)
        if settings.same_user_negatives or "user" in data.fields:
            return None
        return "same_user_negatives = false needs 'user' among data.fields"

    def left_out(self, backbone: Backbone, batch: Batch) -> Tensor | None:
        """The pairs (B, B) of a row and another row's view that are no negatives; None: there are none."""
        if self.views.settings.same_user_negatives:
            return None
        user = batch.ids.select(1, backbone.inputs.column("user"))
        return (user.unsqueeze(1) == user).fill_diagonal_(False)
