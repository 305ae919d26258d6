"""One network for each task.

Shape:
    (B, H), the same for every task, or a tuple of T inputs (B, H) -> logits (B, T).
"""

import torch
from torch import Tensor, nn

from ctrbench.backbones.layers import MLP
from ctrbench.backbones.multitask.bottom import Head


class Towers(Head):
    """See the module's docstring."""

    def __init__(self, size: int, hidden: tuple[int, ...], tasks: int, dropout: float) -> None:
        super().__init__()
        last = (size, *hidden)[-1]
        self.towers = nn.ModuleList(
            nn.Sequential(MLP((size, *hidden), activation=nn.ReLU, dropout=dropout), nn.Linear(last, 1))
            for _ in range(tasks)
        )

    def forward(self, h: Tensor | tuple[Tensor, ...]) -> Tensor:
        """The tasks' logits side by side."""
        inputs = (h,) * len(self.towers) if isinstance(h, Tensor) else h
        return torch.cat([tower(own) for tower, own in zip(self.towers, inputs, strict=True)], 1)
