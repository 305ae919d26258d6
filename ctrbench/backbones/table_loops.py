"""The loops of fused embedding tables: the gradient of a look-up, and Adam's step on a whole table in one pass.

Shape:
    table (V, K), flat (V * K,); ids (M,).
"""

from typing import Any

import numpy as np

from ctrbench.backbones.loops import Floats, Integers, compiled


@compiled
def scatter_add(table: Floats, ids: Integers, values: Floats) -> None:
    """Adds the values (M, K) to the rows of some ids, which may repeat."""
    for m in range(ids.size):
        row = ids[m]
        for k in range(values.shape[1]):
            table[row, k] += values[m, k]


@compiled
def adam(
    weight: Floats,
    gradient: Floats,
    first: Floats,
    second: Floats,
    l2: float,
    shrink: float,
    first_share: float,
    second_share: float,
    size: float,
    root: float,
    epsilon: float,
) -> float:
    """One step of :mod:`ctrbench.training.fused_adam` on flat arrays; clears the gradient.

    All numbers have the arrays' type, or the loop would compute in double precision. Returns the sum of the squared
    weights before the step, in double precision.
    """
    squares = 0.0
    for i in range(weight.size):
        value = weight[i]
        squares += value * value
        slope = gradient[i] + l2 * value
        gradient[i] = 0
        first[i] += first_share * (slope - first[i])
        second[i] += second_share * (slope * slope - second[i])
        weight[i] = value - (shrink * value + size * first[i] / (np.sqrt(second[i]) * root + epsilon))
    return squares


def compile_for(dtype: np.dtype[Any]) -> None:
    """Compiles the loops for tables of a type; one in numba's cache is loaded instead."""
    table, flat = np.zeros((1, 1), dtype), np.zeros(1, dtype)
    scatter_add(table, np.zeros(1, np.int64), table)
    scatter_add(table, np.zeros(1, np.int32), table)
    adam(flat, flat.copy(), flat.copy(), flat.copy(), *np.ones(7, dtype))
