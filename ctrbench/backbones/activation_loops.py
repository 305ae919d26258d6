"""The loops of the fused activation unit; :mod:`ctrbench.backbones.activation_unit` calls them.

Each loop runs over the positions of one row after another.

Shape:
    K = G * D, A hidden units: query (B, K), key (N, K), offsets (B + 1,), hidden (N, A), per_row (B, A).
"""

from typing import Any

import numpy as np

from ctrbench.backbones.loops import Floats, Integers, compiled


@compiled
def multiply(query: Floats, key: Floats, offsets: Integers, product: Floats) -> None:
    """Writes q * k of every position into ``product`` (N, K)."""
    for row in range(query.shape[0]):
        for n in range(offsets[row], offsets[row + 1]):
            for k in range(query.shape[1]):
                product[n, k] = query[row, k] * key[n, k]


@compiled
def weigh(
    hidden: Floats,
    per_row: Floats,
    key: Floats,
    offsets: Integers,
    slope: Floats,
    second: Floats,
    second_bias: Floats,
    weight: Floats,
    interest: Floats,
) -> None:
    """Writes the weights (N,), ``second . PReLU(hidden + per_row) + second_bias``, and the weighted sums (B, K)."""
    a, bias = slope[0], second_bias[0]
    for row in range(per_row.shape[0]):
        for k in range(key.shape[1]):
            interest[row, k] = 0
        for n in range(offsets[row], offsets[row + 1]):
            total = bias
            for unit in range(hidden.shape[1]):
                x = hidden[n, unit] + per_row[row, unit]
                total += second[unit] * (x if x > 0 else a * x)
            weight[n] = total
            for k in range(key.shape[1]):
                interest[row, k] += total * key[n, k]


@compiled
def weigh_backward(
    grad: Floats,
    hidden: Floats,
    per_row: Floats,
    key: Floats,
    offsets: Integers,
    weight: Floats,
    slope: Floats,
    second: Floats,
    d_hidden: Floats,
    d_row: Floats,
    d_key: Floats,
    d_slope: Floats,
    d_second: Floats,
    d_second_bias: Floats,
) -> None:
    """Writes the gradients of :func:`weigh`, given ``grad`` (B, K); ``d_key`` holds the sum's part alone."""
    units, a, zero, one = hidden.shape[1], slope[0], slope.dtype.type(0), slope.dtype.type(1)
    # Over the positions of a batch, sums in float32 would lose the last digits.
    positive, negative = np.zeros(units), np.zeros(units)
    of_bias: Any = 0.0
    for row in range(per_row.shape[0]):
        for unit in range(units):
            d_row[row, unit] = 0
        for n in range(offsets[row], offsets[row + 1]):
            d_weight = zero
            for k in range(key.shape[1]):
                d_weight += grad[row, k] * key[n, k]
                d_key[n, k] = weight[n] * grad[row, k]
            of_bias += d_weight
            for unit in range(units):
                x = hidden[n, unit] + per_row[row, unit]
                positive[unit] += d_weight * (x if x > 0 else zero)
                negative[unit] += d_weight * (zero if x > 0 else x)
                d_x = d_weight * second[unit] * (one if x > 0 else a)
                d_hidden[n, unit] = d_x
                d_row[row, unit] += d_x
    of_slope: Any = 0.0
    for unit in range(units):
        of_slope += second[unit] * negative[unit]
        d_second[unit] = positive[unit] + a * negative[unit]
    d_slope[0], d_second_bias[0] = of_slope, of_bias


@compiled
def multiply_backward(
    query: Floats, key: Floats, offsets: Integers, d_product: Floats, d_query: Floats, d_key: Floats
) -> None:
    """Adds the gradients of :func:`multiply` to ``d_query`` (B, K) and ``d_key`` (N, K)."""
    for row in range(query.shape[0]):
        for n in range(offsets[row], offsets[row + 1]):
            for k in range(query.shape[1]):
                d_key[n, k] += query[row, k] * d_product[n, k]
                d_query[row, k] += key[n, k] * d_product[n, k]
