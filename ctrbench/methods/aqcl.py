"""AQCL: a contrastive loss that relies on a codebook of interests, more strongly for less active users.

Source: Pan et al., Click-Through Rate Prediction with Auto-Quantized Contrastive Learning, arXiv 2109.13921,
equations 3 to 8 and algorithm 1. w1 and w2 are settings; their search (eq. 7) is left to the search of settings.

Shape:
    B rows, V codewords, K nearest ones, Z size of z; codeword similarity s2 (B, V), alpha (B,).
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, Loss, MethodSettings
from ctrbench.methods.codebook import Codebook
from ctrbench.methods.contrastive import ContrastiveMethod, ContrastiveSettings
from ctrbench.methods.similarity import logsumexp_of_products


class AQCLSettings(ContrastiveSettings):
    """Settings of AQCL."""

    w1: float = Field(1.0, gt=0)
    """w1 of alpha (eq. 6): the larger, the fewer clicks suffice to trust the row's own view."""
    w2: float = Field(1.0, gt=0)
    """w2 of alpha (eq. 6): the larger, the steeper alpha falls from 1 to 0 around the mean click length."""
    constant_alpha: float | None = Field(None, ge=0, le=1)
    """Replaces alpha (eq. 6) by one number for all rows (figure 5, right); w1 and w2 then have no effect."""
    codewords: int = Field(128, ge=1)
    """V: vectors in the codebook, the paper's T."""
    nearest: int = Field(5, ge=1)
    """K: nearest codewords, which take the place of a row's own view."""
    codeword_tau: float = Field(0.1, gt=0)
    """tau2, temperature of the similarity to codewords."""
    codebook_tau: float = Field(0.1, gt=0)
    """tau3, temperature of the codebook's own loss."""
    unit_codewords: bool = False
    """Whether codewords start at length 1 and are brought back to it before every step, as SwAV's; the paper does not
    say. Else they start as standard normal vectors, whose length (5.7 for 32 numbers) slows their turning."""
    sinkhorn_epsilon: float = Field(0.05, ge=0.03)
    """epsilon of eq. 4; SwAV's value, as the paper gives none. Below 0.03, float32 underflows in exp(-2 / epsilon)."""
    sinkhorn_rounds: int = Field(3, ge=1)
    """Rounds of Sinkhorn-Knopp; SwAV's value, as the paper gives none."""


class AQCL(ContrastiveMethod):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = AQCLSettings
    paper = "Click-Through Rate Prediction with Auto-Quantized Contrastive Learning"
    source = "Pan et al., arXiv 2109.13921, equations 3 to 8"

    @classmethod
    def refuses(
        cls, backbone: str, data: DataSettings, settings: MethodSettings, manifest: Manifest | None
    ) -> str | None:
        """Alpha (eq. 6) divides by the mean click length."""
        assert isinstance(settings, AQCLSettings)
        if settings.constant_alpha is None and manifest and not manifest.mean_click_length:
            return "alpha needs click histories, which the dataset lacks; set method.constant_alpha"
        return super().refuses(backbone, data, settings, manifest)

    def __init__(self, backbone: Backbone, context: Context, settings: AQCLSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        self.mean_click_length = context.manifest.mean_click_length
        self.codebook = Codebook(
            settings.codewords,
            settings.projection_size,
            tau=settings.codebook_tau,
            epsilon=settings.sinkhorn_epsilon,
            rounds=settings.sinkhorn_rounds,
            unit=settings.unit_codewords,
        )

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """L_C + w L_AQCL for the model, L_codebook for the codewords: two gradient paths that never meet."""
        settings = self.settings
        self.codebook.begin_step()
        h = backbone.interact(embedded)
        of_tasks = self.task_loss(backbone.score(h, embedded), batch)
        z, positive = self.views(backbone, embedded, h, generator)
        similarity = z @ self.codebook.unit_codewords().detach().t()
        nearest = similarity.topk(min(settings.nearest, settings.codewords), 1)
        contrastive = quantized_loss(
            z,
            positive,
            similarity,
            nearest.values,
            alpha=self.alpha(batch.click_length),
            tau=settings.tau,
            codeword_tau=settings.codeword_tau,
            left_out=self.left_out(backbone, batch),
        )
        codebook = self.codebook.loss(z.detach())
        loss = of_tasks.plus("contrastive", contrastive, settings.weight).plus("codebook", codebook)
        return loss.noting(**self.codebook.use(nearest.indices.select(1, 0)))

    def codewords_of(self, h: Tensor) -> Tensor:
        """The codeword (B,) nearest to g(h), given h (B, H)."""
        z = functional.normalize(self.views.projector(h), dim=1)
        return (z @ self.codebook.unit_codewords().t()).argmax(1)

    def alpha(self, click_length: Tensor) -> Tensor:
        """Weight of the codebook for each row (eq. 6): exp(-w1 (L / Lbar) ** w2)."""
        if self.settings.constant_alpha is not None:
            return torch.full_like(click_length, self.settings.constant_alpha)
        return torch.exp(-self.settings.w1 * (click_length / self.mean_click_length) ** self.settings.w2)


def quantized_loss(
    z: Tensor,
    positive: Tensor,
    similarity: Tensor,
    nearest: Tensor,
    *,
    alpha: Tensor,
    tau: float,
    codeword_tau: float,
    left_out: Tensor | None = None,
) -> Tensor:
    """Equation 3 in log space, mean over rows.

    Args:
        z: (B, Z) unit vectors.
        positive: (B, Z) unit vectors of the augmented views.
        similarity: (B, V) similarity to the codewords.
        nearest: (B, K) similarity to the nearest codewords.
        alpha: (B,)
        tau: tau1, between rows.
        codeword_tau: tau2, between rows and codewords.
        left_out: (B, B) the pairs of a row and another row's view that are no negatives.
    """
    own = (1 - alpha) * (z * positive).sum(1) / tau
    interest = alpha * torch.logsumexp(nearest / codeword_tau, 1)
    of_rows = logsumexp_of_products(z, positive, tau, left_out)
    everything = torch.logaddexp(of_rows, torch.logsumexp(similarity / codeword_tau, 1))
    return (everything - own - interest).mean()
