"""What DCN-V2, AutoInt, Wukong and DHEN share: one vector per field, and the history as one vector per item field.

Shape:
    F fields and G item fields of the history -> X (B, F + G, D), from which a subclass makes h (B, H).
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from ctrbench.backbones.activation_unit import ActivationUnit
from ctrbench.backbones.base import Backbone, BackboneSettings, DeepSettings, Embedded
from ctrbench.backbones.layers import FieldEmbedding, field_vectors
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs

ATTENTION = 36
"""Hidden units of DIN's activation unit, where it pools the history."""


class FieldInteractionSettings(DeepSettings):
    """Settings that these backbones share."""

    history: Literal["mean", "attention"] = "mean"
    """How the clicks become one vector per item field: their mean, or DIN's sum weighted by relevance to the target."""


class FieldInteraction(Backbone):
    """Embeds, and predicts by one linear layer on h; a subclass defines ``interact`` and ``representation_size``."""

    item_side: Tensor
    Settings: ClassVar[type[BackboneSettings]] = FieldInteractionSettings

    def __init__(self, inputs: Inputs, settings: FieldInteractionSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.embedding_size, self.embedding_std = settings.embedding_size, settings.embedding_std
        self.embedding = FieldEmbedding(inputs, settings.embedding_size, settings.embedding_std)
        self.register_buffer("item_side", torch.tensor(inputs.item_side), persistent=False)
        self.vectors = len(inputs.fields) + len(inputs.item_side)
        """F + G"""
        attends = settings.history == "attention"
        key_size = settings.embedding_size * len(inputs.item_side)
        self.attention = ActivationUnit(key_size, ATTENTION) if attends else None

    def finish(self, representation_size: int) -> None:
        """Adds the prediction layer, the last to draw its initial weights."""
        self.representation_size = representation_size
        self.output = nn.Linear(representation_size, self.tasks)

    def embed(self, batch: Batch) -> Embedded:
        """Field and history embeddings."""
        if self.attention is None:
            return self.embedding.embedded(batch)
        return Embedded.of(batch, self.embedding(batch))

    def embed_items(self, columns: Tensor) -> Tensor:
        """Item embeddings from the table that all fields share."""
        return self.embedding.of_items(columns)

    def stacked(self, embedded: Embedded) -> Tensor:
        """X (B, F + G, D)."""
        if self.attention is None:
            return field_vectors(embedded)
        query = embedded.fields.index_select(1, self.item_side).flatten(1)
        pooled = self.attention(query, embedded.history.flatten(1), embedded.owners, embedded.offsets)
        return torch.cat([embedded.fields, pooled.view(len(pooled), -1, self.embedding_size)], 1)
