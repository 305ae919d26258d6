"""A batch of rows, with jagged histories."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows that are trained or predicted together.

    Shape:
        B rows, F fields, N history positions of all rows together, G item fields, T tasks, C cohort columns.
    """

    ids: Tensor
    """(B, F) ids, in the order of ``Inputs.fields``."""
    history: Tensor
    """(N, G) ids of the clicked items and their item fields; row b owns positions ``offsets[b]`` to ``offsets[b +
    1]``."""
    offsets: Tensor
    """(B + 1,)"""
    owners: Tensor
    """(N,) the row that owns each position."""
    labels: Tensor
    """(B, T) float, in the order of ``data.tasks``."""
    click_length: Tensor
    """(B,) float: number of all clicks before the row, including clicks that the history leaves out."""
    observed: Tensor | None = None
    """(B, T) bool: the rows on which each task is trained; None: all of them."""
    cohorts: Tensor | None = None
    """(B, C) int32 codes of the cohort columns that the method reads, in its order; -1 is a row outside every group.
    None for a method that reads no cohort."""
