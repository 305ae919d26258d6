"""What an optimiser of embedding tables is: Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1), apart from torch's.

Shape:
    table (V, ...).
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import torch
from torch import Tensor

from ctrbench.backbones.base import EmbeddingTable

BETAS = (0.9, 0.999)
EPSILON = 1e-8
"""The constants of torch's Adam."""


class Moments(Protocol):
    """What is kept of one table."""

    first: Tensor
    second: Tensor


Kept = TypeVar("Kept", bound=Moments)


class TableAdam(ABC, Generic[Kept]):
    """Serves one training run; takes the gradients that a backward pass left at the tables."""

    def __init__(self, tables: Sequence[Kept]) -> None:
        """``tables`` with moments that are all 0."""
        self.tables = tables
        self.steps = 0

    @abstractmethod
    def step(self, rate: float) -> float:
        """One step at a learning rate, which clears the gradients; returns the penalty that coupled L2 adds."""

    def flush(self) -> None:
        """Brings all rows up to date: before anything but a look-up in training reads the tables."""

    def state(self) -> dict[str, Tensor]:
        """Steps and moments, for a checkpoint; the caller has flushed."""
        moments = {
            f"{index}.{name}": tensor for index, table in enumerate(self.tables) for name, tensor in _named(table)
        }
        return {"steps": torch.tensor(self.steps), **moments}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Takes over what :meth:`state` returned."""
        self.steps = int(state["steps"])
        for index, table in enumerate(self.tables):
            for name, tensor in _named(table):
                tensor.copy_(state[f"{index}.{name}"])


def decay_of(tables: Sequence[EmbeddingTable], l2: float, penalised: Sequence[Tensor]) -> list[float]:
    """The weight of L2 over each table: ``l2`` where it acts on the table's weights, else 0."""
    known = set(map(id, penalised))
    return [l2 if id(table.weight) in known else 0.0 for table in tables]


def _named(table: Moments) -> list[tuple[str, Tensor]]:
    return [("exp_avg", table.first), ("exp_avg_sq", table.second)]
