"""How differently a model scores two cohorts: divergences between their histograms of log predictions.

Source: Cokbas et al., arXiv 2510.02215, stage 1, which names Kullback-Leibler, Jensen-Shannon, cosine and Wasserstein
and does not say which one was used, nor the bins. The divergences themselves are scipy's.

Shape:
    E examples, G cohorts, N bins: predictions (E,), codes (E,) in [-1, G), histograms (G, N).
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cosine, jensenshannon
from scipy.stats import entropy, wasserstein_distance

Divergence = Literal["js", "kl", "wasserstein", "cosine"]
DIVERGENCES: tuple[str, ...] = get_args(Divergence)
NAMES = {
    "js": "Jensen-Shannon divergence in nats (the square of scipy's distance)",
    "kl": "Kullback-Leibler divergence in nats, mean of both directions",
    "wasserstein": "Wasserstein distance between log predictions",
    "cosine": "cosine distance between histograms",
}
LEAST_PREDICTION = 1e-12
TRIMMED = 0.001
"""Share of the predictions at each end that falls into the outermost bin."""
EMPTY = 0.5
"""Rows that Kullback-Leibler adds to every bin, so that an empty one does not make it infinite."""


class Histograms:
    """The log predictions of some rows, in bins that all cohorts share."""

    def __init__(self, predictions: NDArray[np.floating], bins: int) -> None:
        """``bins`` of equal width between the quantiles at ``TRIMMED`` and 1 - ``TRIMMED`` of all rows."""
        logs = np.log(np.clip(predictions, LEAST_PREDICTION, None))
        low, high = np.quantile(logs, [TRIMMED, 1 - TRIMMED])
        # A model that predicts one number for all rows has one bin.
        width = (high - low) / bins or 1.0
        self.edges = low + width * np.arange(bins + 1)
        self.bins = bins
        self.places = np.clip(((logs - low) / width).astype(np.int64), 0, bins - 1)

    def of(self, codes: NDArray[np.integer], groups: int) -> NDArray[np.int64]:
        """Number of rows (G, N) of each group in each bin."""
        inside = codes >= 0
        flat = codes[inside].astype(np.int64) * self.bins + self.places[inside]
        return np.bincount(flat, minlength=groups * self.bins).reshape(groups, self.bins)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Log prediction (N,) in the middle of each bin."""
        return (self.edges[1:] + self.edges[:-1]) / 2


def divergence(
    one: NDArray[np.int64], other: NDArray[np.int64], kind: Divergence, centres: NDArray[np.float64]
) -> float:
    """The divergence between two histograms (N,); NaN where one is empty."""
    if not (one.sum() and other.sum()):
        return float("nan")
    match kind:
        case "js":
            return float(jensenshannon(one, other) ** 2)
        case "kl":
            p, q = one + EMPTY, other + EMPTY
            return float(entropy(p, q) + entropy(q, p)) / 2
        case "wasserstein":
            return float(wasserstein_distance(centres, centres, one, other))
        case "cosine":
            return float(cosine(one / one.sum(), other / other.sum()))


def matrix(counts: NDArray[np.int64], kind: Divergence, centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """The divergence (G, G) of every pair of groups."""
    found = np.zeros((len(counts), len(counts)))
    for a, b in combinations(range(len(counts)), 2):
        found[a, b] = found[b, a] = divergence(counts[a], counts[b], kind, centres)
    return found


def shuffles(
    codes: NDArray[np.integer], units: NDArray[np.integer], generator: np.random.Generator
) -> Iterator[NDArray[np.integer]]:
    """Without end, codes (E,) where the rows of each unit (E,) have the codes of another unit's rows, in turn.

    So a code that all rows of a unit share stays shared, and one that differs among them is as unevenly spread over the
    rows of a unit as before.
    """
    order = np.argsort(units, kind="stable")
    _, start, rows = np.unique(units[order], return_index=True, return_counts=True)
    unit = np.repeat(np.arange(len(rows)), rows)
    place = np.arange(len(order)) - start[unit]
    drawn = np.empty_like(codes)
    while True:
        other = generator.permutation(len(rows))[unit]
        drawn[order] = codes[order][start[other] + place % rows[other]]
        yield drawn.copy()
