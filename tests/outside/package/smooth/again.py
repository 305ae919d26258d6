"""Label again: a second head on h learns the label of the first task once more, and is dropped at prediction.

Shape:
    h (B, H), batch.labels (B, T).
"""

from pydantic import Field
from torch import nn
from torch.nn import functional

from ctrbench.methods.base import Method, MethodSettings


class LabelAgainSettings(MethodSettings):
    """Settings of Label again, under ``[methods.label-again]`` of a recipe."""

    weight: float = Field(0.1, ge=0)
    """Weight of the second head's loss."""


class LabelAgain(Method):
    """See the module's docstring. A control: what is gained by a head that knows nothing new?"""

    Settings = LabelAgainSettings
    paper = "none: an example"
    source = "tests/outside/README.md of ctrbench"

    def __init__(self, backbone, context, settings):
        super().__init__(backbone, context, settings)
        self.weight = settings.weight
        self.head = nn.Linear(backbone.representation_size, 1)

    def loss(self, backbone, batch, embedded, generator):
        """The loss of the tasks, and the cross-entropy of the second head on the first task."""
        h = backbone.interact(embedded)
        again = functional.binary_cross_entropy_with_logits(self.head(h), batch.labels[:, :1])
        return self.task_loss(backbone.score(h, embedded), batch).plus("again", again, self.weight)
