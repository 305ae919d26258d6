"""Calibration: mean prediction over mean label.

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Metric, ratios
from ctrbench.metrics.sample import Sample


class Calibration(Metric):
    """Predicted positives over true positives of a group."""

    name: ClassVar[str] = "calibration"
    label: ClassVar[str] = "Calibration"
    direction: ClassVar[Direction] = "one"
    needs_probabilities: ClassVar[bool] = True
    reading: ClassVar[str] = (
        "Calibration is the mean prediction over the mean label; 1 is best, and above 1 the model predicts too many "
        "positives."
    )

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group has no positives."""
        totals = sample.totals(codes, groups)
        return ratios(totals.predicted, totals.positives)
