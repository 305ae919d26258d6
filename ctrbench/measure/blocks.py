"""The blocks of users that are left out in turn, from which the error of the sample of users follows.

Source: protocol, "Seeds, samples and significance".

Shape: n rows, K blocks.
"""

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.splitmix import mixed
from ctrbench.metrics.base import Left
from ctrbench.metrics.blocks import Blocks
from ctrbench.store.record import LEFT_OUT_UNIT

BLOCKS = 50
"""K. A block holds the same users in every job on a dataset."""


def user_blocks(users: NDArray[np.integer]) -> Blocks:
    """The block of each row's user, given the users' ids (n,): a hash of the id, so that neighbours in the data's order
    are in different blocks."""
    return Blocks((mixed(users.astype(np.uint64)) % np.uint64(BLOCKS)).astype(np.int32), BLOCKS)


def changes(values: list[float | None], left: Left) -> list[list[int | None]]:
    """By how much a column's values change where a block is left out, in units of ``LEFT_OUT_UNIT``.

    Args:
        values: one per group.
        left: for each group, the values without each block.
    """
    return [
        [None if value is None or whole is None else round((value - whole) / LEFT_OUT_UNIT) for value in own]
        for whole, own in zip(values, left, strict=True)
    ]
