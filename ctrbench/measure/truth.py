"""The true probability of a task, on simulated data.

Shape: R rows.
"""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.tasks import Tasks


def true_probability(prepared: Prepared, rows: Tensor, tasks: Tasks, task: str) -> NDArray[np.float64]:
    """True probability (R,) of a task on some rows.

    Simulated labels are nested (who converts has clicked), so the probability that two of them are 1 is the smaller
    one. The probability of a label given another is the probability that both are 1 over the other's probability.

    Raises:
        CtrbenchError: the data are not simulated.
    """
    condition = tasks.condition(task)
    labels = (*tasks.factors(task), *([condition] if condition else []))
    joint = np.minimum.reduce([prepared.truth(label, rows) for label in labels])
    return joint / prepared.truth(condition, rows) if condition else joint
