"""The loops of the fused look-up; :mod:`ctrbench.backbones.pooling` calls them.

Shape:
    table (V, D), ids (B, F), starts (F,), history (N, G), item_starts (G,), offsets (B + 1,), pooled (B, F + G, D).
"""

from typing import Any

import numpy as np

from ctrbench.backbones.loops import Floats, Integers, compiled


@compiled
def pool(
    table: Floats,
    pooled: Floats,
    ids: Integers,
    starts: Integers,
    history: Integers,
    item_starts: Integers,
    offsets: Integers,
) -> None:
    """Writes the fields' rows of the table, and the means of the history's rows, into ``pooled``."""
    fields, size, one = ids.shape[1], table.shape[1], table.dtype.type(1)
    for row in range(ids.shape[0]):
        begin, end = offsets[row], offsets[row + 1]
        for f in range(fields):
            at = ids[row, f] + starts[f]
            for k in range(size):
                pooled[row, f, k] = table[at, k]
        for g in range(history.shape[1]):
            for k in range(size):
                pooled[row, fields + g, k] = 0
            for n in range(begin, end):
                at = history[n, g] + item_starts[g]
                for k in range(size):
                    pooled[row, fields + g, k] += table[at, k]
            share = one / max(end - begin, 1)
            for k in range(size):
                pooled[row, fields + g, k] *= share


@compiled
def add_gradient(
    gradient: Floats,
    grad: Floats,
    ids: Integers,
    starts: Integers,
    history: Integers,
    item_starts: Integers,
    offsets: Integers,
) -> None:
    """Adds the gradient of :func:`pool`, given that of ``pooled``, to ``gradient`` (V, D)."""
    fields, size, one = ids.shape[1], gradient.shape[1], gradient.dtype.type(1)
    shared = np.empty(size, gradient.dtype)
    for row in range(ids.shape[0]):
        begin, end = offsets[row], offsets[row + 1]
        for f in range(fields):
            at = ids[row, f] + starts[f]
            for k in range(size):
                gradient[at, k] += grad[row, f, k]
        share = one / max(end - begin, 1)
        for g in range(history.shape[1]):
            for k in range(size):
                shared[k] = grad[row, fields + g, k] * share
            for n in range(begin, end):
                at = history[n, g] + item_starts[g]
                for k in range(size):
                    gradient[at, k] += shared[k]


def compile_for(dtype: np.dtype[Any]) -> None:
    """Compiles the loops for tables of a type; one in numba's cache is loaded instead."""
    table, pooled = np.zeros((1, 1), dtype), np.zeros((1, 2, 1), dtype)
    ids, starts, offsets = np.zeros((1, 1), np.int32), np.zeros(1, np.int32), np.array([0, 1], np.int64)
    pool(table, pooled, ids, starts, ids, starts, offsets)
    add_gradient(table, pooled, ids, starts, ids, starts, offsets)
