"""Raw columns become ids by what their training rows hold: values that are frequent enough, or quantile buckets.

Shapes: R training rows, N rows to encode.
"""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ctrbench.prepare.columns import quantile_edges

MISSING = -1
"""The raw id of a row without a value; a missing number is NaN."""


class Encoder(Protocol):
    """Ids of one column, learnt from its training rows."""

    @property
    def size(self) -> int:
        """Number of ids, the reserved 0 included."""

    def ids(self, column: NDArray[Any]) -> NDArray[np.int32]:
        """Ids (N,) of raw values (N,); 0 is a missing or unknown value."""


@dataclass(frozen=True)
class Vocabulary:
    """Ids from 1 by sorted value."""

    values: NDArray[np.int64]
    """(size - 1,) sorted, none negative."""

    @classmethod
    def of(cls, training: NDArray[np.int64], minimum_rows: int = 1) -> Self:
        """The values that at least ``minimum_rows`` of the training rows (R,) have."""
        values, counts = np.unique(training, return_counts=True)
        return cls(values[(counts >= minimum_rows) & (values != MISSING)])

    @property
    def size(self) -> int:
        """Number of ids, the reserved 0 included."""
        return len(self.values) + 1

    def ids(self, column: NDArray[np.int64]) -> NDArray[np.int32]:
        """Ids (N,) of raw values (N,); 0 is a missing, rare or unknown value."""
        if not len(self.values):
            return np.zeros(len(column), np.int32)
        place = np.searchsorted(self.values, column).clip(max=len(self.values) - 1)
        return np.where(self.values[place] == column, place + 1, 0).astype(np.int32)


@dataclass(frozen=True)
class Buckets:
    """Ids from 1 by bucket, from low to high; a value equal to an edge is in the lower bucket."""

    edges: NDArray[np.float64]
    """(size - 2,) sorted."""

    @classmethod
    def of(cls, training: NDArray[np.float32], quantiles: int) -> Self:
        """Up to ``quantiles`` buckets with equal shares of the training rows (R,); equal edges are one."""
        return cls(np.unique(quantile_edges(training, quantiles)))

    @property
    def size(self) -> int:
        """Number of ids, the reserved 0 included."""
        return len(self.edges) + 2

    def ids(self, column: NDArray[np.float32]) -> NDArray[np.int32]:
        """Ids (N,) of numbers (N,); 0 is a missing number."""
        buckets = np.searchsorted(self.edges, column, side="left") + 1
        return np.where(np.isnan(column), 0, buckets).astype(np.int32)
