"""How often a row's user clicked the row's item before.

Shape: R rows.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ctrbench.data.prepared import Prepared


def earlier_clicks(prepared: Prepared, rows: Tensor) -> NDArray[np.int64]:
    """Times (R,) that the item of each of some rows (R,) occurs in the row's whole click history.

    A history ends before the row, so what the same user clicks with the row or later does not count: nor, where the
    card keeps ties apart, what the user clicks at the same time.
    """
    item, start, length = (
        prepared.rows[name][rows].cpu().numpy().astype(np.int64) for name in ("item", "start", "length")
    )
    sequence = prepared.sequence.cpu().numpy().astype(np.int64)
    # A click is one number, ordered by item and then by place, so that a row's clicks on its item are one range.
    clicks = np.sort(sequence * len(sequence) + np.arange(len(sequence)))
    first = item * len(sequence) + start
    return np.searchsorted(clicks, first + length) - np.searchsorted(clicks, first)
