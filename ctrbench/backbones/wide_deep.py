"""Wide & Deep: a linear model over ids and their crosses beside a deep network.

Source: Cheng et al., Wide & Deep Learning for Recommender Systems, DLRS 2016, arXiv 1606.07792, equations 1 to 3 and
figure 4: the wide part holds the cross product of the user's installed (here: clicked) items with the target item,
hashed into buckets. Both parts are trained jointly with Adam, not with FTRL and AdaGrad as in the paper, since every
method here is.

Shape:
    wide logit (B, T); h (B, H) from [fields, mean of the history].
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.base import BackboneSettings, DeepSettings, Embedded, EmbeddingTable
from ctrbench.backbones.embeddings import EmbeddingsMLP
from ctrbench.backbones.layers import FieldEmbedding, segment_sum
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs
from ctrbench.data.splitmix import mixed


class WideDeepSettings(DeepSettings):
    """Settings of Wide & Deep."""

    cross_buckets: int = Field(100_000, ge=1)
    """Buckets of the hashed cross product; more of them collide less and hold more weights."""


class WideDeep(EmbeddingsMLP):
    """See the module's docstring. The wide part is the shallow one."""

    Settings: ClassVar[type[BackboneSettings]] = WideDeepSettings
    paper = "Wide & Deep Learning for Recommender Systems"
    source = "Cheng et al., DLRS 2016, arXiv 1606.07792"

    def __init__(self, inputs: Inputs, settings: WideDeepSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.wide = FieldEmbedding(inputs, tasks, settings.embedding_std)
        self.cross = EmbeddingTable(torch.zeros(settings.cross_buckets, tasks))
        self.item = inputs.column("item")
        self.item_in_history = inputs.item_in_history

    @property
    def heads(self) -> list[nn.Module]:
        """The output and the wide part."""
        return [self.output, self.wide, self.cross]

    def embed(self, batch: Batch) -> Embedded:
        """Field and history embeddings, and the wide logit."""
        linear = self.wide.of_fields(batch.ids).sum(1)
        crosses = self.cross.look_up(self._bucket(batch))
        wide = linear + segment_sum(crosses, batch.owners, len(batch.ids))
        return self.embedding.embedded(batch, shallow=wide)

    def _bucket(self, batch: Batch) -> Tensor:
        clicked = batch.history[:, self.item_in_history].long()
        target = batch.ids[:, self.item].long()[batch.owners]
        hashed = mixed((clicked << 32) | target, signed=True)
        return (hashed & 0x7FFF_FFFF_FFFF_FFFF) % len(self.cross.weight)
