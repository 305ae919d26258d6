"""What Wide & Deep and DeepFM share: a deep network beside a shallow part that looks at ids directly.

Shape:
    h (B, H) from the F field vectors and the mean of the history for each of the G item fields.
"""

from typing import ClassVar

from torch import Tensor, nn

from ctrbench.backbones.base import Backbone, BackboneSettings, DeepSettings, Embedded
from ctrbench.backbones.layers import MLP, FieldEmbedding, field_vectors
from ctrbench.data.inputs import Inputs


class ShallowDeep(Backbone):
    """The deep part, the only one that methods act on; a subclass puts its shallow logit into ``Embedded.shallow``."""

    Settings: ClassVar[type[BackboneSettings]] = DeepSettings

    def __init__(self, inputs: Inputs, settings: DeepSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.embedding_size, self.embedding_std = settings.embedding_size, settings.embedding_std
        self.embedding = FieldEmbedding(inputs, settings.embedding_size, settings.embedding_std)
        vectors = len(inputs.fields) + len(inputs.item_side)
        sizes = (vectors * settings.embedding_size, *settings.hidden)
        self.deep = MLP(sizes, activation=nn.ReLU, dropout=settings.dropout)
        self.representation_size = settings.hidden[-1]
        self.output = nn.Linear(self.representation_size, tasks)

    def embed_items(self, columns: Tensor) -> Tensor:
        """Item embeddings from the table that all fields share."""
        return self.embedding.of_items(columns)

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        return self.deep(field_vectors(embedded).flatten(1))
