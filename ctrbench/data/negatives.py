"""Items drawn by popularity; as training negatives, never one of the user's own training items.

Avoiding the user's later items as well would reveal to the model what the user clicks next (protocol, "Negatives").
"""

import torch
from torch import Tensor

from ctrbench.data.prepared import Prepared

ROUNDS = 100


class ItemSampler:
    """Draws items by popularity ** exponent, never the reserved 0."""

    def __init__(self, popularity: Tensor, exponent: float) -> None:
        """``popularity`` (V,) on the training split; ``exponent`` 0 is uniform, 1 the unigram distribution."""
        weight = popularity.double().clamp(min=0) ** exponent
        weight[0] = 0.0
        self._cumulative = torch.cumsum(weight, 0)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Independent items (count,) int32."""
        total = self._cumulative[-1]
        point = torch.rand(count, generator=generator, device=total.device, dtype=torch.float64) * total
        return torch.searchsorted(self._cumulative, point, right=True).clamp(max=len(self._cumulative) - 1).int()


class NegativeSampler:
    """Draws items for users, with the exponent of the dataset's card."""

    def __init__(self, prepared: Prepared, train: Tensor) -> None:
        """``train`` (R,) are the rows in training: their items are avoided, later ones are not."""
        popularity = prepared.items["popularity"]
        self._sampler = ItemSampler(popularity, prepared.manifest.negatives.exponent)
        self._items = len(popularity)
        self._owned = torch.unique(self._key(prepared.rows["user"][train], prepared.rows["item"][train]))

    def draw(self, users: Tensor, generator: torch.Generator) -> Tensor:
        """One item (len(users),) for each user.

        A draw that hits one of the user's training items is repeated, at most 100 times in all; a user who owns
        nearly every item may keep such a draw.
        """
        items = self._sampler.draw(len(users), generator)
        for _ in range(ROUNDS):
            wrong = torch.nonzero(self._is_owned(users, items)).squeeze(1)
            if len(wrong) == 0:
                break
            items[wrong] = self._sampler.draw(len(wrong), generator)
        return items

    def _key(self, users: Tensor, items: Tensor) -> Tensor:
        return users.long() * self._items + items

    def _is_owned(self, users: Tensor, items: Tensor) -> Tensor:
        key = self._key(users, items)
        place = torch.searchsorted(self._owned, key).clamp(max=len(self._owned) - 1)
        return self._owned[place] == key
