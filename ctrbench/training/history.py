"""The metrics of one epoch, as the loop measures them and the record keeps them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochMetrics:
    """One epoch's history."""

    epoch: int
    """From 1."""
    loss: float
    """Mean total loss over the epoch's batches, the penalty included."""
    parts: dict[str, float]
    """Mean of each part of the loss, by name: one for each task, and those that the method adds."""
    validation: dict[str, dict[str, float | None]]
    """Task -> metric -> value on the validation rows, or on the search holdout of a trial; None where the rows do not
    define the metric."""
    seconds: float
    """Wall time of the training pass."""
    cpu_seconds: float
    """CPU time of the training pass."""
    rows_per_second: float
    """Training rows per CPU second."""
