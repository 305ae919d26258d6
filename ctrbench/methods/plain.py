"""The backbone alone: mean logloss (AQCL section 3.1)."""

import torch

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.methods.base import Loss, Method


class Plain(Method):
    """Adds nothing to the backbone's loss."""

    paper = "none: the backbone's own loss"
    source = "the base that every other method is compared with"

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:  # noqa: ARG002
        """L_C."""
        return self.task_loss(backbone.score(backbone.interact(embedded), embedded), batch)
