"""RelaImpr: relative improvement of the part of an AUC that lies above chance, in percent.

Source: AQCL eq. 9 (Yan et al., Coupled group lasso, ICML 2014): ((AUC - 0.5) / (AUC of the base - 0.5) - 1) x 100.

Shape: S seeds.
"""

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.relative_change import relative_change, relative_change_by_seed

CHANCE = 0.5


def relaimpr(auc: float, base: float) -> float | None:
    """RelaImpr in percent; None where the base is not above chance."""
    return relative_change(auc, base, CHANCE)


def relaimpr_by_seed(auc: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """RelaImpr by seed ``(S,)``, given AUCs ``(S,)`` paired by seed: see :func:`relative_change_by_seed`."""
    return relative_change_by_seed(auc, base, CHANCE)
