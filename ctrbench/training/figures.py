"""The figures of one epoch, as the loop measures them and the record keeps them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochFigures:
    """One epoch's history."""

    epoch: int
    """From 1."""
    loss: float
    """Mean total loss over the epoch's batches, the penalty included."""
    parts: dict[str, float]
    """Mean of each part of the method's loss, by name."""
    validation_auc: float | None
    """None where the validation split holds one class."""
    validation_logloss: float | None
    seconds: float
    """Wall time of the training pass."""
    cpu_seconds: float
    """CPU time of the training pass."""
    rows_per_second: float
    """Training rows per CPU second."""

    def score(self, watch: str) -> float:
        """The watched figure, larger is better."""
        if watch == "auc":
            return self.validation_auc if self.validation_auc is not None else -math.inf
        return -self.validation_logloss if self.validation_logloss is not None else -math.inf


OnEpoch = Callable[[Sequence[EpochFigures], int], None]
"""Told the epochs of a run so far, and how many there may be at most."""
