"""A sample of numbers in short: a histogram in bins that all samples share, and four statistics.

The statistics are those that C2AL's figures of attention weights are read by (Cokbas et al., arXiv 2510.02215): how
wide the weights spread, how heavy their tails are, how many do next to nothing, and how evenly they share the work.

Shape:
    W weights, N bins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

BINS = 120
LINEAR, LARGEST = 0.01, 10.0
"""Bins have about equal widths within +- ``LINEAR``, and widths in proportion to the distance from 0 beyond, so that
small and large weights are resolved alike; values beyond +- ``LARGEST`` count in the outermost bins."""
EDGES: NDArray[np.float64] = LINEAR * np.sinh(np.linspace(-1, 1, BINS + 1) * np.arcsinh(LARGEST / LINEAR))
"""(N + 1,)"""
SMALL = 1e-3
"""A weight below this in absolute value counts as near 0."""


@dataclass(frozen=True)
class Distribution:
    """The distribution of W weights."""

    size: int
    """W"""
    std: float
    """Standard deviation."""
    kurtosis: float | None
    """Excess kurtosis, 0 for a normal distribution; None where all weights are equal."""
    near_zero: float
    """Share of the weights below :data:`SMALL` in absolute value."""
    entropy: float | None
    """Of ``|w| / sum |w|``, in nats; at most log W, where all are equally large. None where all are 0."""
    counts: tuple[int, ...]
    """(N,) weights in each bin of :data:`EDGES`."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """The distribution from the result of ``asdict``, after a detour through JSON."""
        return cls(**{**document, "counts": tuple(document["counts"])})

    @classmethod
    def of(cls, weights: NDArray[np.floating]) -> Self:
        """The distribution of some weights of any shape, at least one.

        Raises:
            ValueError: a weight is not finite.
        """
        flat = weights.astype(np.float64).ravel()
        if not np.isfinite(flat).all():
            raise ValueError("a weight is not finite")
        centred, sizes = flat - flat.mean(), np.abs(flat)
        variance = float(np.mean(centred**2))
        # Rounding leaves equal weights a variance that is not quite 0.
        spread = np.ptp(flat) > 0 and variance > 0
        places = np.clip(np.searchsorted(EDGES, flat, side="right") - 1, 0, BINS - 1)
        return cls(
            size=flat.size,
            std=variance**0.5 if spread else 0.0,
            kurtosis=float(np.mean(centred**4)) / variance**2 - 3 if spread else None,
            near_zero=float(np.mean(sizes < SMALL)),
            entropy=_entropy(sizes),
            counts=tuple(np.bincount(places, minlength=BINS).tolist()),
        )


def _entropy(sizes: NDArray[np.float64]) -> float | None:
    total = sizes.sum()
    shares = sizes[sizes > 0] / total if total > 0 else np.array([])
    return float(-(shares * np.log(shares)).sum()) if len(shares) else None
