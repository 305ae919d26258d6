"""DIN's activation unit and the weighted sum of the history, as torch operations or fused.

Source: Zhou et al., Deep Interest Network for Click-Through Rate Prediction, KDD 2018, arXiv 1706.06978, equation 3.

The first layer, applied to [q, k, q - k, q * k], is split by input: ``(W_q + W_d) q + b`` is computed once per row, not
once per position, and ``(W_k - W_d) k + W_p (q * k)`` is left for each position. The sum is the same.

Shape:
    K = G * D, A hidden units: query (B, K), key (N, K) -> interest (B, K).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ctrbench.backbones.attention import Attention
from ctrbench.backbones.kernels import Fusable
from ctrbench.backbones.layers import segment_sum
from ctrbench.backbones.prelu import PReLU


class ActivationUnit(Fusable, Attention):
    """The sum of each row's history, every position weighted by its relevance to the target item (equation 3)."""

    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.first = nn.Linear(4 * size, hidden)
        self.activation = PReLU()
        self.second = nn.Linear(hidden, 1)

    def forward(self, query: Tensor, key: Tensor, owners: Tensor, offsets: Tensor) -> Tensor:
        """The interest; zero for a row without positions."""
        if not self.fused:
            return segment_sum(self.attention(query, key, owners, offsets) * key, owners, len(query))
        first, second = self.first, self.second
        return _FusedInterest.apply(  # type: ignore[no-untyped-call]
            query, key, offsets, first.weight, first.bias, self.activation.weight, second.weight, second.bias
        )

    def attention(self, query: Tensor, key: Tensor, owners: Tensor, offsets: Tensor) -> Tensor:  # type: ignore[override]  # noqa: ARG002
        """Unnormalised weights (N, 1), by torch operations."""
        of_query, of_key, of_difference, of_product = self.first.weight.chunk(4, 1)
        per_row = torch.addmm(self.first.bias, query, (of_query + of_difference).t())
        hidden = torch.addmm(per_row.index_select(0, owners), key, (of_key - of_difference).t())
        hidden = torch.addmm(hidden, query.index_select(0, owners) * key, of_product.t())
        return self.second(self.activation(hidden))

    def compile_loops(self) -> None:
        """As :meth:`Fusable.compile_loops`; a loop in numba's cache is loaded instead."""
        with torch.enable_grad():
            vector = self.first.weight.new_zeros(1, self.first.in_features // 4).requires_grad_()
            interest = _FusedInterest.apply(  # type: ignore[no-untyped-call]
                vector, vector, torch.tensor([0, 1]), *map(torch.zeros_like, self.parameters())
            )
            torch.autograd.grad(interest.sum(), vector)


class _FusedInterest(torch.autograd.Function):
    """The products are torch's; everything between two products is one loop over the positions."""

    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        offsets: Tensor,
        first: Tensor,
        first_bias: Tensor,
        slope: Tensor,
        second: Tensor,
        second_bias: Tensor,
    ) -> Tensor:
        from ctrbench.backbones import activation_loops as loops  # noqa: PLC0415 - needs numba, an optional package

        query, key = query.contiguous(), key.contiguous()
        of_query, of_key, of_difference, of_product = first.chunk(4, 1)
        per_row = torch.addmm(first_bias, query, (of_query + of_difference).t())
        product, weight, interest = torch.empty_like(key), key.new_empty(len(key)), torch.empty_like(query)
        loops.multiply(*arrays(query, key, offsets, product))
        hidden = torch.mm(key, (of_key - of_difference).t()).addmm_(product, of_product.t())
        layers = slope, second[0], second_bias
        loops.weigh(*arrays(hidden, per_row, key, offsets, *layers, weight, interest))
        ctx.save_for_backward(query, key, offsets, first, slope, second, per_row, product, hidden, weight)
        return interest

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        from ctrbench.backbones import activation_loops as loops  # noqa: PLC0415

        query, key, offsets, first, slope, second, per_row, product, hidden, weight = ctx.saved_tensors
        of_query, of_key, of_difference, of_product = first.chunk(4, 1)
        grad = grad.contiguous()
        d_hidden, d_row, d_key = torch.empty_like(hidden), torch.empty_like(per_row), torch.empty_like(key)
        d_slope, d_second, d_second_bias = slope.new_empty(1), torch.empty_like(second), slope.new_empty(1)
        loops.weigh_backward(
            *arrays(grad, hidden, per_row, key, offsets, weight, slope, second[0]),
            *arrays(d_hidden, d_row, d_key, d_slope, d_second[0], d_second_bias),
        )
        d_key.addmm_(d_hidden, of_key - of_difference)
        d_product, d_query = torch.mm(d_hidden, of_product), torch.mm(d_row, of_query + of_difference)
        loops.multiply_backward(*arrays(query, key, offsets, d_product, d_query, d_key))
        of_rows, of_positions = torch.mm(d_row.t(), query), torch.mm(d_hidden.t(), key)
        d_first = torch.cat([of_rows, of_positions, of_rows - of_positions, torch.mm(d_hidden.t(), product)], 1)
        return d_query, d_key, None, d_first, d_row.sum(0), d_slope, d_second, d_second_bias


def arrays(*tensors: Tensor) -> tuple[Any, ...]:
    """The same memory as numpy arrays, which the loops take."""
    return tuple(tensor.detach().numpy() for tensor in tensors)
