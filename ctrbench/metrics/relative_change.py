"""The change of a metric as a share of the base's distance from a zero point, in percent: RelaImpr and NE_diff.

Shape: S seeds.
"""

import numpy as np
from numpy.typing import NDArray


def relative_change(value: float, base: float, zero: float) -> float | None:
    """``(value - zero) / (base - zero) - 1`` in percent; None where the base is not above the zero point, so that the
    ratio says nothing."""
    return None if base <= zero else ((value - zero) / (base - zero) - 1) * 100


def relative_change_by_seed(
    values: NDArray[np.float64], base: NDArray[np.float64], zero: float
) -> NDArray[np.float64] | None:
    """One value per seed whose mean is the relative change of the means, and whose spread is that ratio's spread.

    The relative change of two means is a ratio, so the mean of the seeds' own is another number. These values are its
    linearisation (the ratio estimator of survey sampling): that of the means, plus each seed's residual.

    Args:
        values: ``(S,)``.
        base: ``(S,)``, paired by seed.
        zero: the zero point.

    Returns:
        ``(S,)`` in percent, or None without seeds and where the mean of the base is not above the zero point.
    """
    overall = relative_change(float(values.mean()), float(base.mean()), zero) if len(values) else None
    if overall is None:
        return None
    ratio = overall / 100 + 1
    residual: NDArray[np.float64] = 100 * ((values - zero) - ratio * (base - zero)) / (base.mean() - zero)
    return overall + residual
