"""How loops are compiled by numba, an optional package.

Loops run on one thread and in a fixed order, so that equal inputs give equal bits. Sums may be reordered and products
fused with sums, always alike; infinities and NaNs stay what they are, so that a diverged run is noticed.
"""

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Loop = TypeVar("Loop", bound=Callable[..., Any])


def compiled(loop: Loop) -> Loop:
    """The compiled loop, from numba's cache where an earlier process compiled it."""

    def build(*, cache: bool) -> Any:
        return njit(cache=cache, fastmath={"contract", "reassoc", "nsz"}, nogil=True, error_model="numpy")(loop)

    try:
        return build(cache=True)
    except RuntimeError:
        warnings.warn(
            "numba has no writable folder for its cache, so every process compiles the fused kernels again; set "
            "NUMBA_CACHE_DIR to a writable folder",
            stacklevel=2,
        )
        return build(cache=False)
