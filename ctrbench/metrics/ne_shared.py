"""NE at a shared base rate: comparable between groups whose own base rates differ.

NE depends on the base rate even where the model tells positives from negatives equally well. This metric weights the
positives and negatives of a group so that its base rate r becomes that of all rows, s, and moves the predictions by
the same change of the prior:

    logit p' = logit p + log(s / (1 - s)) - log(r / (1 - r))
    NE shared = (s mean over positives of -log p' + (1 - s) mean over negatives of -log(1 - p')) / H(s)

with H the entropy and p clipped as for the logloss. A constant prediction of the group's base rate has the value 1 in
every group. For all rows together r = s, and the value is NE.

Source: Elkan, The Foundations of Cost-Sensitive Learning, IJCAI 2001, theorem 2, and Saerens et al., Adjusting the
Outputs of a Classifier to New a Priori Probabilities, Neural Computation 2002 (moving a prediction to another
prior).

Shape: n rows, G groups.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Metric, ratios
from ctrbench.metrics.ne import base_rate_entropy
from ctrbench.metrics.sample import Sample


class SharedNormalizedEntropy(Metric):
    """NE of a group after its base rate was brought to that of all rows."""

    name: ClassVar[str] = "ne_shared"
    label: ClassVar[str] = "NE at the shared base rate"
    direction: ClassVar[Direction] = "lower"
    needs_probabilities: ClassVar[bool] = True
    reading: ClassVar[str] = (
        "NE at the shared base rate is NE after each group's positives and negatives are weighted to the base rate of "
        "all rows and its predictions are moved by the same change of prior, so that groups can be compared; lower is "
        "better, and at 1 the model is worth no more than the base rate."
    )

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where a group holds one class only."""
        totals = sample.totals(codes, groups)
        positives, negatives = totals.positives, totals.rows - totals.positives
        rows, all_positives = len(sample.label), int(np.count_nonzero(sample.label))
        both = (positives > 0) & (negatives > 0)
        if not both.any():
            return [None] * groups

        shared_odds = all_positives / (rows - all_positives)
        odds = np.divide(positives, negatives, out=np.ones(groups), where=both)
        change = np.where(both, shared_odds / odds, 1.0)  # factor on the odds of label 1; 1 in groups of one class
        # Odds against the label that a row has, by slot: 2 (code + 1) + label. Slots 0 and 1 are outside every group.
        factor = np.concatenate([[1.0, 1.0], np.stack([change, 1 / change], axis=1).ravel()])
        slots = 2 * (codes.astype(np.intp) + 1) + sample.label
        loss = np.log1p((1 - sample.label_probability) / sample.label_probability * factor[slots])
        sums = np.bincount(slots, loss, 2 * (groups + 1))[2:].reshape(groups, 2)

        share = sample.base_rate
        weights = np.array([1 - share, share])
        counts = np.stack([negatives, positives], axis=1)
        weighted = (weights * np.divide(sums, counts, out=np.zeros((groups, 2)), where=both[:, None])).sum(axis=1)
        return ratios(weighted, both * base_rate_entropy(all_positives, rows))
