"""Layers that several backbones share."""

from functools import cache
from itertools import pairwise

import torch
from torch import Tensor, nn

from ctrbench.backbones.base import Embedded, EmbeddingTable
from ctrbench.backbones.masks import Dropout
from ctrbench.backbones.pooling import look_up_pooled
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs


class FieldEmbedding(EmbeddingTable):
    """The embeddings of all fields in one table, so that a batch costs one look-up and one gradient.

    Shape:
        ``ids`` (B, F) and ``history`` (N, G) -> (B, F, D) and (N, G, D). The history shares the target item's rows.
    """

    starts: Tensor
    item_starts: Tensor

    def __init__(self, inputs: Inputs, size: int, std: float) -> None:
        sizes = torch.tensor([field.size for field in inputs.fields])
        super().__init__(torch.randn(int(sizes.sum()), size) * std)
        starts = (torch.cumsum(sizes, 0) - sizes).int()
        self.register_buffer("starts", starts, persistent=False)
        self.register_buffer("item_starts", starts[list(inputs.item_side)], persistent=False)

    def of_fields(self, ids: Tensor) -> Tensor:
        """Embeddings of the fields alone: (B, F) -> (B, F, D)."""
        return self.look_up(ids + self.starts)

    def of_items(self, columns: Tensor) -> Tensor:
        """Embeddings of items alone: (M, G) -> (M, G, D)."""
        return self.look_up(columns + self.item_starts)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embeddings of the fields and of the history."""
        fields, history = batch.ids + self.starts, batch.history + self.item_starts
        vectors = self.look_up(torch.cat([fields.flatten(), history.flatten()]))
        of_fields, of_history = vectors.split([fields.numel(), history.numel()])
        size = self.weight.shape[1]
        return of_fields.view(*fields.shape, size), of_history.view(*history.shape, size)

    def embedded(self, batch: Batch, shallow: Tensor | None = None) -> Embedded:
        """A batch for a backbone that pools the history by :func:`field_vectors`.

        Fused, fields and means are looked up as one, and no click has a vector of its own until one is asked for.
        """
        if not self.fused:
            return Embedded.of(batch, self(batch), shallow)
        pooled = look_up_pooled(self, batch, self.starts, self.item_starts)
        history = cache(lambda: self.of_items(batch.history))
        fields = pooled[:, : len(self.starts)]
        return Embedded(fields, history, batch.offsets, batch.owners, shallow, pooled)

    def compile_loops(self) -> None:
        """As :meth:`EmbeddingTable.compile_loops`."""
        from ctrbench.backbones import pooling_loops  # noqa: PLC0415 - needs numba, an optional package

        super().compile_loops()
        pooling_loops.compile_for(self.weight.detach().numpy().dtype)


class MLP(nn.Sequential):
    """Linear, activation, dropout, for each size. (B, sizes[0]) -> (B, sizes[-1])."""

    def __init__(self, sizes: tuple[int, ...], *, activation: type[nn.Module], dropout: float) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [nn.Linear(before, after), activation(), Dropout(dropout)]
        super().__init__(*layers)


def segment_sum(values: Tensor, owners: Tensor, rows: int) -> Tensor:
    """Sums the positions (N, ...) of each row: (rows, ...)."""
    return values.new_zeros(rows, *values.shape[1:]).index_add(0, owners, values)


def segment_mean(values: Tensor, owners: Tensor, offsets: Tensor) -> Tensor:
    """Mean over the positions (N, ...) of each row: (B, ...); zero for a row without positions."""
    counts = (offsets[1:] - offsets[:-1]).clamp(min=1).to(values.dtype)
    total = segment_sum(values, owners, len(counts))
    return total / counts.view(-1, *[1] * (values.dim() - 1))


def field_vectors(embedded: Embedded) -> Tensor:
    """Every field's vector, then the mean of the history for each item field: (B, F + G, D)."""
    if embedded.pooled is not None:
        return embedded.pooled
    pooled = segment_mean(embedded.history, embedded.owners, embedded.offsets)
    return torch.cat([embedded.fields, pooled], 1)
