"""Random masks, the costliest randomness of a step: four elements from each 64-bit draw."""

import math

import torch
from torch import Tensor, nn

LEVELS = 1 << 16


def kept(like: Tensor, rate: float, generator: torch.Generator | None = None) -> Tensor:
    """A mask in the shape, type and device of ``like``: 0 with probability ``rate`` (to 2 ** -16), else 1.

    ``generator`` None draws from torch's default one.
    """
    draws = torch.empty((like.numel() + 3) // 4, dtype=torch.int64, device=like.device)
    levels = draws.random_(-(2**63), None, generator=generator).view(torch.int16)[: like.numel()]
    return (levels >= round(rate * LEVELS) - LEVELS // 2).to(like.dtype).view(like.shape)


class Dropout(nn.Module):
    """Inverted dropout as ``nn.Dropout``, on :func:`kept`."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Zeroes with probability ``rate`` and scales up the rest, in training only."""
        if not self.training or math.isclose(self.rate, 0):
            return x
        return x * kept(x, self.rate).mul_(1 / (1 - self.rate))
