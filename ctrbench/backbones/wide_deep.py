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

from ctrbench.backbones.base import Backbone, BackboneSettings, Embedded
from ctrbench.backbones.layers import MLP, FieldEmbedding, field_vectors, segment_sum
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs


class WideDeepSettings(BackboneSettings):
    """Settings of Wide & Deep."""

    cross_buckets: int = Field(100_000, ge=1)
    """Buckets of the hashed cross product; more of them collide less and hold more weights."""


class WideDeep(Backbone):
    """See the module's docstring. The wide part is ``Embedded.shallow``; h is the deep part's output."""

    Settings: ClassVar[type[BackboneSettings]] = WideDeepSettings
    paper = "Wide & Deep Learning for Recommender Systems"
    source = "Cheng et al., DLRS 2016, arXiv 1606.07792"

    def __init__(self, inputs: Inputs, settings: WideDeepSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.embedding = FieldEmbedding(inputs, settings.embedding_size, settings.embedding_std)
        self.wide = FieldEmbedding(inputs, tasks, settings.embedding_std)
        self.cross = nn.Parameter(torch.zeros(settings.cross_buckets, tasks))
        self.item = [field.name for field in inputs.fields].index("item")
        self.item_in_history = inputs.item_side.index(self.item)
        vectors = len(inputs.fields) + len(inputs.item_side)
        sizes = (vectors * settings.embedding_size, *settings.hidden)
        self.deep = MLP(sizes, activation=nn.ReLU, dropout=settings.dropout)
        self.representation_size = settings.hidden[-1]
        self.output = nn.Linear(self.representation_size, tasks)

    def embed(self, batch: Batch) -> Embedded:
        """Field and history embeddings, and the wide logit."""
        linear = self.wide(batch)[0].sum(1)
        crosses = nn.functional.embedding(self._bucket(batch), self.cross)
        wide = linear + segment_sum(crosses, batch.owners, len(batch.ids))
        return Embedded.of(batch, self.embedding(batch), shallow=wide)

    def _bucket(self, batch: Batch) -> Tensor:
        clicked = batch.history[:, self.item_in_history].long()
        target = batch.ids[:, self.item].long()[batch.owners]
        return (clicked * 2_654_435_761 + target * 40_503 + 12_345) % len(self.cross)

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        return self.deep(field_vectors(embedded).flatten(1))

    def predict(self, h: Tensor, embedded: Embedded) -> Tensor:
        """Logits (B, T): deep part plus wide part."""
        assert embedded.shallow is not None
        return self.output(h) + embedded.shallow
