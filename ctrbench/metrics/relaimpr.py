"""RelaImpr: relative improvement of the part of an AUC that lies above chance, in percent.

Source: AQCL eq. 9 (Yan et al., Coupled group lasso, ICML 2014): ((AUC - 0.5) / (AUC of the base - 0.5) - 1) x 100.

Shape: S seeds.
"""

import numpy as np
from numpy.typing import NDArray


def relaimpr(auc: float, base: float) -> float | None:
    """RelaImpr in percent; None where the base is not above chance, so that the ratio says nothing."""
    return None if base <= 0.5 else ((auc - 0.5) / (base - 0.5) - 1) * 100


def relaimpr_by_seed(auc: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """One value per seed whose mean is the RelaImpr of the mean AUCs, and whose spread is that ratio's spread.

    RelaImpr of two means is a ratio, so the mean of the seeds' own RelaImpr is another number. These values are
    its linearisation (the ratio estimator of survey sampling): RelaImpr of the means, plus each seed's residual.

    Args:
        auc: ``(S,)``.
        base: ``(S,)``, paired by seed.

    Returns:
        ``(S,)`` in percent, or None without seeds and where the mean of the base is not above chance.
    """
    overall = relaimpr(float(auc.mean()), float(base.mean())) if len(auc) else None
    if overall is None:
        return None
    ratio = overall / 100 + 1
    residual: NDArray[np.float64] = 100 * ((auc - 0.5) - ratio * (base - 0.5)) / (base.mean() - 0.5)
    return overall + residual
