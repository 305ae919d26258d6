"""The Brier score: mean squared error of the probabilities.

Source: Brier, Verification of Forecasts Expressed in Terms of Probability, Monthly Weather Review, 1950.

Shape:
    n rows, G groups.
"""

import numpy as np

from ctrbench.metrics.base import Metric, ratios


class Brier(Metric):
    """See the module's docstring."""

    name = "brier"
    label = "Brier score"
    direction = "lower"
    needs_probabilities = True
    high = 1.0
    reading = "The Brier score is the mean squared error of the probabilities; lower is better."

    @classmethod
    def by_group(cls, sample, codes, groups):
        """The metric of each group; None where a group has no rows."""
        error = np.bincount(codes + 1, (sample.score - sample.label) ** 2, groups + 1)[1:]
        return ratios(error, sample.totals(codes, groups).rows)
