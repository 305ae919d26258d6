"""Episodes: the impressions of one user on one day, in the order of time.

Shape:
    E examples.
"""

import torch
from torch import Tensor

SECONDS_PER_DAY = 86_400
END = -1
"""The successor of the last example of an episode."""


def successors(users: Tensor, times: Tensor) -> Tensor:
    """For each example, the position (E,) of the next one of its episode; ``END`` for the last.

    ``users`` (E,) and ``times`` (E,) in seconds; a day ends at midnight UTC. Examples of the same second keep their
    order.
    """
    order = torch.argsort(times, stable=True)
    order = order[torch.argsort(users[order], stable=True)]
    ordered_users, days = users[order], times[order].div(SECONDS_PER_DAY, rounding_mode="floor")
    same = (ordered_users[1:] == ordered_users[:-1]) & (days[1:] == days[:-1])
    found = torch.full_like(order, END)
    found[order[:-1][same]] = order[1:][same]
    return found
