"""What an optimiser of embedding tables is: Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1), apart from torch's.

Shape:
    table (V, ...).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

BETAS = (0.9, 0.999)
EPSILON = 1e-8
"""The constants of torch's Adam."""


class Moments(Protocol):
    """What is kept of one table."""

    first: Tensor
    second: Tensor


class TableAdam(ABC):
    """Serves one training run; takes the gradients that a backward pass left at the tables."""

    def __init__(self, moments: Sequence[Moments]) -> None:
        """``moments`` of each table, all 0."""
        self.moments = moments
        self.steps = 0

    @abstractmethod
    def step(self, rate: float) -> float:
        """One step at a learning rate, which clears the gradients; returns the penalty that coupled L2 adds."""

    def flush(self) -> None:  # noqa: B027 - most have nothing to do
        """Brings all rows up to date: before anything but a look-up in training reads the tables."""

    def state(self) -> dict[str, Tensor]:
        """Steps and moments, for a checkpoint; the caller has flushed."""
        moments = {
            f"{index}.{name}": tensor for index, table in enumerate(self.moments) for name, tensor in _named(table)
        }
        return {"steps": torch.tensor(self.steps), **moments}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what :meth:`state` returned."""
        self.steps = int(state["steps"])
        for index, table in enumerate(self.moments):
            for name, tensor in _named(table):
                tensor.copy_(state[f"{index}.{name}"])


def _named(table: Moments) -> list[tuple[str, Tensor]]:
    return [("exp_avg", table.first), ("exp_avg_sq", table.second)]
