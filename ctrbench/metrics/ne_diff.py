"""NE_diff: the change of NE as a share of the base's NE, in percent; negative is better.

Source: C2AL (Cokbas et al., arXiv 2510.02215): (NE of the method - NE of the base) / NE of the base x 100.

Shape: S seeds.
"""

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.relative_change import relative_change_by_seed


def ne_diff_by_seed(ne: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """NE_diff by seed ``(S,)``, given NEs ``(S,)`` paired by seed: see :func:`relative_change_by_seed`."""
    return relative_change_by_seed(ne, base, 0.0)
