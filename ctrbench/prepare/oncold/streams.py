"""Random streams: one for the world that all blocks share and one per block, so that no block depends on another."""

import numpy as np


def world_stream(seed: int) -> np.random.Generator:
    """The generator of items, clusters and cohort effects."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,)))


def block_stream(seed: int, block: int) -> np.random.Generator:
    """The generator of everything that concerns the users of one block."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, block)))


def categorical(shares: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Codes (n,) drawn with ``shares`` (k,), which need not sum to 1, from uniform numbers (n,) in [0, 1)."""
    cumulative = np.cumsum(shares)
    return np.searchsorted(cumulative[:-1] / cumulative[-1], uniform, side="right")


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (n, D) scaled to length 1."""
    return vectors / np.sqrt((vectors * vectors).sum(axis=1, keepdims=True))
