"""A batch of rows, with jagged histories."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Rows that are trained or predicted together.

    Shape:
        B rows, F fields, N history positions of all rows together, G item fields, T tasks.
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
    """(B, T) float."""
    click_length: Tensor
    """(B,) float: all clicks before the row, also those that the history leaves out."""
