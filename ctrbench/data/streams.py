"""Randomness: one independent stream for each purpose of a run, derived from its seed.

Two methods with one seed draw the same initial weights, batches and negatives, whatever else each of them draws. Each
epoch derives its own streams, so an interrupted run resumes without stored generator states.
"""

import zlib
from typing import Literal

import numpy as np
import torch

Purpose = Literal["backbone", "method", "shuffle", "negatives", "dropout", "augmentation", "critics", "model"]


def derived_seed(seed: int, purpose: Purpose, epoch: int = 0) -> int:
    """A 63-bit seed for one purpose in one epoch."""
    state = np.random.SeedSequence([seed, zlib.crc32(purpose.encode()), epoch]).generate_state(1, np.uint64)
    return int(state[0] >> np.uint64(1))


def stream(seed: int, purpose: Purpose, epoch: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator on ``device`` for one purpose in one epoch."""
    return torch.Generator(device).manual_seed(derived_seed(seed, purpose, epoch))
