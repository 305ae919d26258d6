"""The weight alpha of AQCL's codebook as a function of click length (eq. 6), for drawing.

Shape:
    n click lengths.
"""

import numpy as np
from numpy.typing import NDArray

LONGEST = 4.0
"""Largest L / Lbar in the figures."""
STEPS = 200


def alpha(relative_length: NDArray[np.float64], w1: float, w2: float) -> NDArray[np.float64]:
    """``R(L) = exp(-w1 (L / Lbar) ** w2)`` for ``relative_length`` = L / Lbar ``(n,)``."""
    values: NDArray[np.float64] = np.exp(-w1 * relative_length**w2)
    return values


def lengths() -> NDArray[np.float64]:
    """Values of L / Lbar at which a curve is drawn."""
    return np.linspace(0, LONGEST, STEPS + 1)
