"""The embeddings of a row side by side, with or without deep layers over them.

``embeddings`` has none: as a model it is a logistic regression over the embeddings, as the bottom of a multi-task
backbone it hands its experts what the papers of those models hand them. ``mlp`` is the deep network of Covington et
al., Deep Neural Networks for YouTube Recommendations, RecSys 2016, section 4: fields, the mean of the history, and
fully connected ReLU layers.

Shape:
    F field vectors and the mean of the history for each of the G item fields: ``embeddings`` has H = (F + G) * D.
"""

from typing import ClassVar

from torch import Tensor, nn

from ctrbench.backbones.base import Backbone, BackboneSettings, DeepSettings, Embedded, EmbeddingsSettings
from ctrbench.backbones.layers import MLP, FieldEmbedding, field_vectors
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs


class Embeddings(Backbone):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = EmbeddingsSettings
    paper = "none: the embeddings side by side, the input of most multi-task papers"
    source = "a logistic regression over embeddings; the bottom of multi-task backbones"

    def __init__(self, inputs: Inputs, settings: EmbeddingsSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.embedding_size, self.embedding_std = settings.embedding_size, settings.embedding_std
        self.embedding = FieldEmbedding(inputs, settings.embedding_size, settings.embedding_std)
        vectors = len(inputs.fields) + len(inputs.item_side)
        self.deep = self.layers_of(vectors * settings.embedding_size, settings)
        self.output = nn.Linear(self.representation_size, tasks)

    def layers_of(self, size: int, settings: BackboneSettings) -> nn.Module:  # noqa: ARG002
        """What turns the vectors (B, size) into h; sets ``representation_size``."""
        self.representation_size = size
        return nn.Identity()

    def embed(self, batch: Batch) -> Embedded:
        """Field and history embeddings."""
        return self.embedding.embedded(batch)

    def embed_items(self, columns: Tensor) -> Tensor:
        """Item embeddings from the table that all fields share."""
        return self.embedding.of_items(columns)

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        return self.deep(field_vectors(embedded).flatten(1))


class EmbeddingsMLP(Embeddings):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = DeepSettings
    paper = "Deep Neural Networks for YouTube Recommendations"
    source = "Covington et al., RecSys 2016"

    def layers_of(self, size: int, settings: BackboneSettings) -> nn.Module:
        """The deep layers."""
        assert isinstance(settings, DeepSettings)
        self.representation_size = settings.hidden[-1]
        return MLP((size, *settings.hidden), activation=nn.ReLU, dropout=settings.dropout)
