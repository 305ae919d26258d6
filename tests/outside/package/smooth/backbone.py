"""Chain: the tower of a task also reads the logit of the task before it.

Shape:
    B rows, F fields, G item fields, H size of h, T tasks: h (B, H) -> T towers (B, H + 1) -> logits (B, T).
"""

import torch
from torch import nn

from ctrbench.backbones.base import Backbone, DeepSettings, Embedded
from ctrbench.backbones.layers import MLP, FieldEmbedding, field_vectors


class Chain(Backbone):
    """See the module's docstring; ``data.tasks`` gives the order."""

    Settings = DeepSettings
    paper = "none: an example"
    source = "tests/outside/README.md of ctrbench"
    single_task = False

    def __init__(self, inputs, settings, tasks=1):
        super().__init__(inputs, settings, tasks)
        self.embedding_size, self.embedding_std = settings.embedding_size, settings.embedding_std
        self.embedding = FieldEmbedding(inputs, settings.embedding_size, settings.embedding_std)
        vectors = len(inputs.fields) + len(inputs.item_side)
        sizes = (vectors * settings.embedding_size, *settings.hidden)
        self.deep = MLP(sizes, activation=nn.ReLU, dropout=settings.dropout)
        self.representation_size = settings.hidden[-1]
        self.first = nn.Linear(self.representation_size, 1)
        self.later = nn.ModuleList(nn.Linear(self.representation_size + 1, 1) for _ in range(tasks - 1))

    def embed(self, batch):
        """Field and history embeddings."""
        return Embedded.of(batch, self.embedding(batch))

    def embed_items(self, columns):
        """Item embeddings of the one table."""
        return self.embedding.of_items(columns)

    def interact(self, embedded):
        """h (B, H)."""
        return self.deep(field_vectors(embedded).flatten(1))

    def predict(self, h, embedded):
        """Logits (B, T)."""
        logits = [self.first(h)]
        for tower in self.later:
            logits.append(tower(torch.cat([h, logits[-1]], 1)))
        return torch.cat(logits, 1)
