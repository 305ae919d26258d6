"""ICL: instance-level contrastive learning beside the loss of the tasks.

Source: Pan et al., arXiv 2109.13921, equation 2; in training, not in pre-training.

Shape:
    z, z+ (B, Z): row j is compared with the augmented view of every row; the view of row j is its positive.
"""

from typing import ClassVar

import torch
from torch import Tensor

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.methods.base import Context, Loss, MethodSettings
from ctrbench.methods.contrastive import ContrastiveMethod, ContrastiveSettings
from ctrbench.methods.similarity import logsumexp_of_products


class ICL(ContrastiveMethod):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = ContrastiveSettings
    paper = "Click-Through Rate Prediction with Auto-Quantized Contrastive Learning"
    source = "Pan et al., arXiv 2109.13921, equation 2 (its baseline ICL)"

    def __init__(self, backbone: Backbone, context: Context, settings: ContrastiveSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """L_C + w L_ICL."""
        h = backbone.interact(embedded)
        of_tasks = self.task_loss(backbone.score(h, embedded), batch)
        z, positive = self.views(backbone, embedded, h, generator)
        contrastive = instance_loss(z, positive, self.settings.tau, self.left_out(backbone, batch))
        return of_tasks.plus("contrastive", contrastive, self.settings.weight)


def instance_loss(z: Tensor, positive: Tensor, tau: float, left_out: Tensor | None = None) -> Tensor:
    """Equation 2, mean over rows, from unit vectors (B, Z) of the rows and of their augmented views.

    ``left_out`` (B, B): the pairs of a row and another row's view that are no negatives.
    """
    return (logsumexp_of_products(z, positive, tau, left_out) - (z * positive).sum(1) / tau).mean()
