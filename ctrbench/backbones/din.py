"""Deep Interest Network: the history is weighted by its relevance to the target item.

Source: Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018, arXiv 1706.06978, equation 3 and
figure 2: an activation unit of 36 PReLU units and one output, whose weights are not normalised by a softmax, so that
their sum keeps the intensity of the interest. Its inputs, [q, k, q - k, q * k], are those of the authors' code (which
departs from the paper elsewhere: 80-40 sigmoid units and a softmax). It sees valid positions only.

Shape:
    q, k: the target's and a click's item fields side by side (G * D); h (B, H) from [fields, weighted history].
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.activation_unit import ActivationUnit
from ctrbench.backbones.base import Backbone, BackboneSettings, DeepSettings, Embedded
from ctrbench.backbones.layers import MLP, FieldEmbedding
from ctrbench.backbones.prelu import PReLU
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs


class DINSettings(DeepSettings):
    """Settings of DIN."""

    attention: int = Field(36, ge=1)
    """Hidden units of the activation unit."""


class DIN(Backbone):
    """See the module's docstring."""

    item_side: Tensor
    Settings: ClassVar[type[BackboneSettings]] = DINSettings
    paper = "Deep Interest Network for Click-Through Rate Prediction"
    source = "Zhou et al., KDD 2018, arXiv 1706.06978"

    def __init__(self, inputs: Inputs, settings: DINSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.embedding_size, self.embedding_std = settings.embedding_size, settings.embedding_std
        size, key_size = settings.embedding_size, settings.embedding_size * len(inputs.item_side)
        self.embedding = FieldEmbedding(inputs, size, settings.embedding_std)
        self.register_buffer("item_side", torch.tensor(inputs.item_side), persistent=False)
        self.attention = ActivationUnit(key_size, settings.attention)
        first = len(inputs.fields) * size + key_size
        self.deep = MLP((first, *settings.hidden), activation=PReLU, dropout=settings.dropout)
        self.representation_size = settings.hidden[-1]
        self.output = nn.Linear(self.representation_size, tasks)

    def embed(self, batch: Batch) -> Embedded:
        """Field and history embeddings."""
        return Embedded.of(batch, self.embedding(batch))

    def embed_items(self, columns: Tensor) -> Tensor:
        """Item embeddings from the table that all fields share."""
        return self.embedding.of_items(columns)

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H)."""
        query = embedded.fields.index_select(1, self.item_side).flatten(1)
        key = embedded.history.flatten(1)
        interest = self.attention(query, key, embedded.owners, embedded.offsets)
        return self.deep(torch.cat([embedded.fields.flatten(1), interest], 1))
