"""How far the gradient of a contrastive loss reaches: for ablations that ask through what the loss helps or harms.

Shape:
    B rows, H size of h.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ctrbench.backbones.base import Backbone, Embedded

Reach = Literal["all", "network", "embeddings", "projector"]
"""What of the model the loss trains: everything, all but the embeddings, the embeddings alone, or nothing."""


def represent(
    backbone: Backbone, embedded: Embedded, h: Tensor, augmented: Callable[[Embedded], Embedded], reach: Reach
) -> tuple[Tensor, Tensor]:
    """h of the rows and of their second views, both (B, H), through which the gradient reaches as far as ``reach``.

    Args:
        backbone: the model.
        embedded: the rows.
        h: what ``backbone`` makes of them. ``network`` and ``embeddings`` compute it anew, with dropout of its own.
        augmented: makes the second views.
        reach: what a gradient may reach.
    """
    if reach == "all":
        return h, backbone.interact(augmented(embedded))
    if reach == "projector":
        with torch.no_grad():
            return h.detach(), backbone.interact(augmented(embedded))
    if reach == "network":
        fixed = embedded.with_vectors(embedded.fields.detach(), embedded.history.detach())
        return backbone.interact(fixed), backbone.interact(augmented(fixed))
    return _interact_fixed(backbone, embedded), _interact_fixed(backbone, augmented(embedded))


def _interact_fixed(backbone: Backbone, embedded: Embedded) -> Tensor:
    """h (B, H), whose gradient reaches the vectors but no parameter of the backbone."""
    fixed = {f"backbone.{name}": parameter.detach() for name, parameter in backbone.named_parameters()}
    return functional_call(_Interaction(backbone), fixed, (embedded,))


class _Interaction(nn.Module):
    """The interaction of a backbone as the forward pass of a module."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone

    def forward(self, embedded: Embedded) -> Tensor:
        return self.backbone.interact(embedded)
