"""NE_diff: the change of NE as a share of the base's NE, in percent; negative is better.

Source: C2AL (Cokbas et al., arXiv 2510.02215): (NE of the method - NE of the base) / NE of the base x 100.

Shape: S seeds.
"""

import numpy as np
from numpy.typing import NDArray


def ne_diff_by_seed(ne: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """One value per seed whose mean is the NE_diff of the mean NEs, and whose spread is that ratio's spread.

    NE_diff of two means is a ratio, so the mean of the seeds' own NE_diff is another number. These values are its
    linearisation, as in :func:`ctrbench.metrics.relaimpr.relaimpr_by_seed`.

    Args:
        ne: ``(S,)``.
        base: ``(S,)``, paired by seed.

    Returns:
        ``(S,)`` in percent, or None without seeds and where the mean of the base is 0.
    """
    if not len(ne) or base.mean() == 0:
        return None
    ratio = ne.mean() / base.mean()
    changes: NDArray[np.float64] = 100 * (ratio - 1 + (ne - ratio * base) / base.mean())
    return changes
