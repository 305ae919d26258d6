"""Focal loss: rows that are predicted well weigh less, so that hard ones decide.

Source: Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, arXiv 1708.02002, equation 4: ``-(1 - p_t)^gamma
log p_t`` with p_t the probability of the row's own class. Its class weights (equation 5) are left out: they would move
the level of all predictions.

Shape:
    B rows, T tasks.
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.methods.base import Context, Loss, Method, MethodSettings, mean_over_observed


class FocalSettings(MethodSettings):
    """Settings of the focal loss."""

    gamma: float = Field(1.0, ge=0, le=100)
    """How much less a row that is predicted well weighs; 0 is plain."""


class Focal(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = FocalSettings
    paper = "Focal Loss for Dense Object Detection"
    source = "Lin et al., ICCV 2017, arXiv 1708.02002"

    def __init__(self, backbone: Backbone, context: Context, settings: FocalSettings) -> None:
        super().__init__(backbone, context, settings)
        self.gamma = settings.gamma

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:  # noqa: ARG002
        """The focal loss in the place of the logloss, for every task."""
        return self.task_loss(backbone.score(backbone.interact(embedded), embedded), batch)

    def losses(self, logits: Tensor, batch: Batch) -> tuple[Tensor, ...]:
        """The mean focal loss of each task."""
        missing = (1 - 2 * batch.labels) * logits  # logit of the class that the row does not have
        # A power of the probability would have no gradient where it underflows to 0.
        share = torch.exp(self.gamma * functional.logsigmoid(missing))
        return mean_over_observed(functional.softplus(missing) * share, batch.observed)
