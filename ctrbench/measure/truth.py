"""The true probabilities of a task, on simulated data: of its label, and of a label that no accident brought about.

Shape: R rows.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import REAL_CLICK
from ctrbench.data.tasks import Tasks


def true_probability(prepared: Prepared, rows: Tensor, tasks: Tasks, task: str) -> NDArray[np.float64]:
    """True probability (R,) of a task on some rows.

    Simulated labels are nested (who converts has clicked), so the probability that two of them are 1 is the smaller
    one. The probability of a label given another is the probability that both are 1 over the other's probability.

    Raises:
        CtrbenchError: the data are not simulated.
    """
    return _probability(prepared, rows, tasks, task, {})


def real_probability(prepared: Prepared, rows: Tensor, tasks: Tasks, task: str) -> NDArray[np.float64] | None:
    """True probability (R,) that a task's label is 1 with a real click, which is not accidental, in place of a click.

    None where the data do not say which clicks are accidental: they are not simulated, or were prepared before
    ``truth.parquet`` had the column.
    """
    if REAL_CLICK not in prepared.true_columns:
        return None
    return _probability(prepared, rows, tasks, task, {prepared.manifest.labels[0]: REAL_CLICK})


def _probability(
    prepared: Prepared, rows: Tensor, tasks: Tasks, task: str, instead: Mapping[str, str]
) -> NDArray[np.float64]:
    """``instead`` names the columns to read in place of labels, except of one that the task is conditional on."""
    condition = tasks.condition(task)
    columns = [instead.get(label, label) for label in tasks.factors(task)]
    joint = np.minimum.reduce([prepared.truth(column, rows) for column in columns + ([condition] if condition else [])])
    return joint / prepared.truth(condition, rows) if condition else joint
