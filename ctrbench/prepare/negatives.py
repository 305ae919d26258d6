"""Negatives of validation and test positives: drawn once, stored, the same for every run.

Shapes: R positives, K negatives each, V items including the reserved 0.
"""

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError

ROUNDS = 20
"""Vectorised redraws before the few rows left (users of nearly all likely items) are drawn one by one."""


def draw(
    user: NDArray[np.int64],
    owned: NDArray[np.int64],
    popularity: NDArray[np.int64],
    *,
    exponent: float,
    per_positive: int,
    generator: np.random.Generator,
) -> NDArray[np.int32]:
    """Draws items that the row's user never clicked, all different within a row, by popularity ** exponent.

    Args:
        user: (R,) user of each positive.
        owned: sorted ``user * V + item`` of all clicks of all splits.
        popularity: (V,) positive training rows of each item.
        exponent: 0 draws uniformly from all items, including those of popularity 0.
        per_positive: K.
        generator: source of randomness.

    Returns:
        (R, K) items.

    Raises:
        CtrbenchError: a user clicked so many items that fewer than K are left.
    """
    weight = popularity.astype(np.float64) ** exponent
    weight[0] = 0.0
    cumulative = np.cumsum(weight)
    size = len(popularity)
    drawn = np.zeros((len(user), per_positive), np.int32)
    for column in range(per_positive):
        open_rows = np.arange(len(user))
        for _ in range(ROUNDS):
            point = generator.random(len(open_rows)) * cumulative[-1]
            candidate = np.searchsorted(cumulative, point, side="right")
            taken = contains(owned, user[open_rows] * size + candidate)
            taken |= (drawn[open_rows, :column] == candidate[:, None]).any(axis=1)
            drawn[open_rows[~taken], column] = candidate[~taken]
            open_rows = open_rows[taken]
        for row in open_rows:
            drawn[row, column] = _draw_one(user[row], drawn[row, :column], owned, weight, generator)
    return drawn


def contains(owned: NDArray[np.int64], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each key is among the sorted ``owned``."""
    place = np.minimum(np.searchsorted(owned, keys), len(owned) - 1)
    return np.asarray(owned[place] == keys)


def _draw_one(
    user: np.int64,
    earlier: NDArray[np.int32],
    owned: NDArray[np.int64],
    weight: NDArray[np.float64],
    generator: np.random.Generator,
) -> int:
    size = len(weight)
    start, end = np.searchsorted(owned, [user * size, (user + 1) * size])
    allowed = weight.copy()
    allowed[owned[start:end] - user * size] = 0.0
    allowed[earlier] = 0.0
    if not allowed.any():
        raise CtrbenchError(
            f"no negative is left for a user who clicked {end - start:,} items; leave the user out, or lower the "
            "card's negatives.per_positive or negatives.exponent"
        )
    return int(generator.choice(size, p=allowed / allowed.sum()))
