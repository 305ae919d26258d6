"""Binary cross-entropy of each row, natural log.

Shape: n rows.
"""

import numpy as np
from numpy.typing import NDArray

CLIP = 1e-12
"""Probabilities are kept in [CLIP, 1 - CLIP]; rows that this changes are counted and reported."""


def row_loss(
    label: NDArray[np.generic], probability: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Cross-entropy of each row, and whether its probability was clipped.

    Args:
        label: ``(n,)`` in {0, 1}.
        probability: ``(n,)`` in [0, 1].

    Raises:
        ValueError: a probability is NaN or outside [0, 1].
    """
    of_label, clipped = label_probability(label, probability)
    return -np.log(of_label), clipped


def label_probability(
    label: NDArray[np.generic], probability: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Clipped probability of the label that each row has, and whether it was clipped; as :func:`row_loss`."""
    probability = np.asarray(probability, dtype=np.float64)
    outside = ~((probability >= 0) & (probability <= 1))
    if outside.any():
        example = probability[outside][0]
        raise ValueError(f"{int(outside.sum())} of {len(probability)} probabilities lie outside [0, 1], e.g. {example}")
    kept = np.clip(probability, CLIP, 1 - CLIP)
    return np.where(np.asarray(label, dtype=bool), kept, 1 - kept), kept != probability
