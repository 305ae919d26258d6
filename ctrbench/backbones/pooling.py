"""Fused: the vectors of the fields and the means of the history, looked up as one.

The torch operations look up a vector for each click, put it into a tensor, sum the clicks of each row, and go the same
way back with the gradient: four passes over N * G vectors, where the loops make none.

Shape:
    ids (B, F) and history (N, G) -> (B, F + G, D).
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ctrbench.backbones.base import EmbeddingTable
from ctrbench.data.batch import Batch


def look_up_pooled(table: EmbeddingTable, batch: Batch, starts: Tensor, item_starts: Tensor) -> Tensor:
    """Vectors of the fields, then the mean over each row's history for each item field; zero without a history.

    Args:
        table: Fused, so that no optimiser waits for the ids.
        batch: On the CPU.
        starts: (F,) the row of the table at which each field begins.
        item_starts: (G,) the same for the item fields.
    """
    ids = (batch.ids, starts, batch.history, item_starts, batch.offsets)
    return _Pooled.apply(table.weight, tuple(each.numpy() for each in ids), table.gradient)  # type: ignore[no-untyped-call]


class _Pooled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, ids: Any, gradient: Tensor | None) -> Tensor:
        from ctrbench.backbones import pooling_loops as loops  # noqa: PLC0415 - needs numba, an optional package

        fields, starts, _, item_starts, _ = ids
        pooled = weight.new_empty(len(fields), len(starts) + len(item_starts), weight.shape[1])
        loops.pool(weight.detach().numpy(), pooled.numpy(), *ids)
        ctx.ids, ctx.gradient, ctx.shape = ids, gradient, weight.shape
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        from ctrbench.backbones import pooling_loops as loops  # noqa: PLC0415

        returned = grad.new_zeros(ctx.shape) if ctx.gradient is None else None
        gradient = ctx.gradient if returned is None else returned
        loops.add_gradient(gradient.numpy(), grad.contiguous().numpy(), *ctx.ids)
        return returned, None, None
