"""Training negatives: items drawn by popularity, never one of the user's own training items.

Avoiding the user's later items as well would tell the model what comes (protocol, "Negatives").
"""

import torch
from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split

ROUNDS = 100


class NegativeSampler:
    """Draws items for users, from popularity ** exponent on the training split."""

    def __init__(self, prepared: Prepared) -> None:
        popularity = prepared.items["popularity"].double()
        weight = popularity.clamp(min=0) ** prepared.manifest.negatives.exponent
        weight[0] = 0.0
        self._cumulative = torch.cumsum(weight, 0)
        self._items = len(weight)
        train = prepared.indices(Split.TRAIN)
        self._owned = torch.unique(self._key(prepared.rows["user"][train], prepared.rows["item"][train]))

    def draw(self, users: Tensor, generator: torch.Generator) -> Tensor:
        """One item (len(users),) for each user.

        A draw that hits one of the user's training items is repeated, at most 100 times in all; a user who owns
        nearly every item may keep such a draw.
        """
        items = self._sample(len(users), generator)
        for _ in range(ROUNDS):
            wrong = torch.nonzero(self._is_owned(users, items)).squeeze(1)
            if len(wrong) == 0:
                break
            items[wrong] = self._sample(len(wrong), generator)
        return items

    def _sample(self, count: int, generator: torch.Generator) -> Tensor:
        total = self._cumulative[-1]
        point = torch.rand(count, generator=generator, device=total.device, dtype=torch.float64) * total
        return torch.searchsorted(self._cumulative, point, right=True).clamp(max=self._items - 1).int()

    def _key(self, users: Tensor, items: Tensor) -> Tensor:
        return users.long() * self._items + items

    def _is_owned(self, users: Tensor, items: Tensor) -> Tensor:
        key = self._key(users, items)
        place = torch.searchsorted(self._owned, key).clamp(max=len(self._owned) - 1)
        return self._owned[place] == key
