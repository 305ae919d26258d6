"""The metrics of one look at the validation rows, as the loop measures them and the record keeps them.

A look ends an epoch, or one of the ``training.looks`` equal parts of an epoch.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class EpochMetrics:
    """What happened between the previous look and this one."""

    epoch: int
    """Position in the history, from 1: the number of the epoch or, with several looks per epoch, of the look."""
    loss: float
    """Mean total loss over the batches, penalties included."""
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
