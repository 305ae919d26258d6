"""Smooth: the representation of a row should not change when some of its clicks are hidden.

Shape:
    B rows, F fields, N history positions, G item fields, D embedding size, H size of h, T tasks.

    batch.ids (B, F), batch.history (N, G), batch.offsets (B + 1,), batch.labels (B, T), batch.click_length (B,);
    embedded.fields (B, F, D), embedded.history (N, G, D); h (B, H); logits (B, T).
"""

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from ctrbench.methods.base import Method, MethodSettings, clicks_are_seen


class SmoothSettings(MethodSettings):
    """Settings of Smooth, under ``[methods.smooth]`` of a recipe."""

    weight: float = Field(0.1, ge=0)
    """Weight of the pull between the two representations; 0 leaves only the loss of the tasks."""
    hidden_share: float = Field(0.3, gt=0, lt=1)
    """Share of a history's clicks that the second representation does not see."""
    size: int = Field(16, ge=1)
    """Size of the projections that are compared."""


class Smooth(Method):
    """See the module's docstring."""

    Settings = SmoothSettings
    paper = "none: an example"
    source = "tests/outside/README.md of ctrbench"

    def __init__(self, backbone, context, settings):
        super().__init__(backbone, context, settings)
        self.settings = settings
        # A method's modules are dropped at prediction.
        self.projector = nn.Linear(backbone.representation_size, settings.size)

    @classmethod
    def refuses(cls, backbone, data, settings, manifest):
        """Without clicks there is nothing to hide."""
        return None if clicks_are_seen(1, data, manifest) else "it hides clicks, and a row here has none"

    def loss(self, backbone, batch, embedded, generator):
        """The loss of the tasks, and the squared distance of the two projections, mean over rows."""
        h = backbone.interact(embedded)
        chance = torch.rand(len(embedded.history), 1, 1, generator=generator, device=h.device)
        view = embedded.with_vectors(embedded.fields, embedded.history * (chance > self.settings.hidden_share))
        one, other = (functional.normalize(self.projector(x), dim=1) for x in (h, backbone.interact(view)))
        pull = (one - other).square().sum(1).mean()
        return self.task_loss(backbone.score(h, embedded), batch).plus("pull", pull, self.settings.weight)
