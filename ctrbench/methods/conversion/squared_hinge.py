"""Squared hinges over all pairs of two groups, in the time of a sort.

With ``a_i = lower_i + margin`` and the ``higher_j`` sorted, the pairs of i that count are a prefix, so that ``sum_j
relu(a_i - higher_j)^2 = n a_i^2 - 2 a_i sum_j higher_j + sum_j higher_j^2`` over it, by prefix sums.

Shape:
    A rows that should score lower, J that should score higher.
"""

import torch
from torch import Tensor


def squared_hinges(lower: Tensor, higher: Tensor, counts: Tensor, margin: float) -> Tensor:
    """``sum_j counts_j * relu(lower_i - higher_j + margin)^2`` for each i, in float64.

    Args:
        lower: (A,)
        higher: (J,)
        counts: (J,) 1 for the rows that belong to the group, 0 for the others.
        margin: by how much a higher row should be ahead.

    Returns:
        (A,), with the gradients of the double loop; O((A + J) log J), and nothing waits for the device.
    """
    ordered, order = higher.double().sort()
    belongs = counts.double()[order]
    powers = torch.stack([belongs, belongs * ordered, belongs * ordered.square()])
    number, total, squares = torch.nn.functional.pad(powers.cumsum(1), (1, 0))
    reach = lower.double() + margin
    prefix = torch.searchsorted(ordered.detach(), reach.detach())
    value = number[prefix] * reach.square() - 2 * reach * total[prefix] + squares[prefix]
    # Rounding may leave a sum of squares just below 0.
    return value.clamp(min=0)
