"""AQCL: a contrastive loss that leans on a codebook of interests, the more so the less active a user is.

Source: Pan et al., Click-Through Rate Prediction with Auto-Quantized Contrastive Learning, arXiv 2109.13921,
equations 3 to 8 and algorithm 1. w1 and w2 are given; their search (eq. 7) is the experiment's, not the method's.

Shape:
    B rows, T codewords, K nearest ones; row similarity s1 (B, B), codeword similarity s2 (B, T), alpha (B,).
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.items import Items
from ctrbench.data.schema import Manifest
from ctrbench.methods.base import Loss, Method, MethodSettings, click_loss
from ctrbench.methods.codebook import Codebook
from ctrbench.methods.contrastive import ContrastiveSettings, TwoViews


class AQCLSettings(ContrastiveSettings):
    """Settings of AQCL."""

    w1: float = Field(1.0, gt=0)
    """Of alpha (eq. 6): larger, and fewer clicks suffice to trust the row's own view."""
    w2: float = Field(1.0, gt=0)
    """Of alpha (eq. 6): larger, and the fall from 1 to 0 is steeper around the mean click length."""
    codewords: int = Field(128, ge=1)
    """T"""
    nearest: int = Field(5, ge=1)
    """K"""
    codeword_tau: float = Field(0.1, gt=0)
    """tau2, temperature of the similarity to codewords."""
    codebook_tau: float = Field(0.1, gt=0)
    """tau3, temperature of the codebook's own loss."""
    sinkhorn_epsilon: float = Field(0.05, gt=0)
    """Of eq. 4; SwAV's value, the paper gives none."""
    sinkhorn_rounds: int = Field(3, ge=1)
    """SwAV's value, the paper gives none."""


class AQCL(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = AQCLSettings
    paper = "Click-Through Rate Prediction with Auto-Quantized Contrastive Learning"
    source = "Pan et al., arXiv 2109.13921, equations 3 to 8"

    def __init__(self, backbone: Backbone, manifest: Manifest, items: Items, settings: AQCLSettings) -> None:
        super().__init__(backbone, manifest, items, settings)
        self.settings = settings
        self.mean_click_length = manifest.mean_click_length
        self.views = TwoViews(backbone.representation_size, settings)
        self.codebook = Codebook(
            settings.codewords,
            settings.projection_size,
            tau=settings.codebook_tau,
            epsilon=settings.sinkhorn_epsilon,
            rounds=settings.sinkhorn_rounds,
        )

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """L_C + w L_AQCL for the model, L_codebook for the codewords: two gradient paths that never meet."""
        settings = self.settings
        h = backbone.interact(embedded)
        click = click_loss(backbone.predict(h, embedded), batch.labels)
        z, positive = self.views(backbone, embedded, h, generator)
        codewords = torch.nn.functional.normalize(self.codebook.codewords.detach(), dim=1)
        contrastive = quantized_loss(
            z @ positive.t() / settings.tau,
            z @ codewords.t() / settings.codeword_tau,
            self.alpha(batch.click_length),
            min(settings.nearest, settings.codewords),
        )
        codebook = self.codebook.loss(self.codebook.similarity(z.detach()))
        total = click + settings.weight * contrastive + codebook
        return Loss(total, {"click": click, "contrastive": contrastive, "codebook": codebook})

    def alpha(self, click_length: Tensor) -> Tensor:
        """Weight of the codebook for each row (eq. 6): exp(-w1 (L / Lbar) ** w2)."""
        return torch.exp(-self.settings.w1 * (click_length / self.mean_click_length) ** self.settings.w2)


def quantized_loss(rows: Tensor, codewords: Tensor, alpha: Tensor, nearest: int) -> Tensor:
    """Equation 3 in log space, mean over rows.

    Args:
        rows: s1 / tau1 (B, B), positives on the diagonal.
        codewords: s2 / tau2 (B, T).
        alpha: (B,)
        nearest: K
    """
    own = (1 - alpha) * rows.diagonal()
    interest = alpha * torch.logsumexp(codewords.topk(nearest, 1, sorted=False).values, 1)
    everything = torch.logaddexp(torch.logsumexp(rows, 1), torch.logsumexp(codewords, 1))
    return (everything - own - interest).mean()
