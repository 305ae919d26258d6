"""Every item of a dataset, as a run sees it: its ids in all item fields, and its popularity in training."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ctrbench.data.inputs import Inputs
from ctrbench.data.prepared import Prepared


@dataclass(frozen=True)
class Items:
    """The item table; nothing of it comes from validation or test rows.

    Shape:
        V items including the reserved 0, G item fields.
    """

    columns: Tensor
    """(V, G) int32: an item's row of ``Batch.history``."""
    popularity: Tensor
    """(V,) int64: positive training rows."""

    @classmethod
    def of(cls, prepared: Prepared, inputs: Inputs) -> Self:
        """The items of a dataset, in the item fields that a run names."""
        popularity = prepared.items["popularity"]
        ids = torch.arange(len(popularity), device=popularity.device, dtype=torch.int32)
        names = [inputs.fields[i].name for i in inputs.item_side]
        columns = [ids if name == "item" else prepared.items[name] for name in names]
        return cls(torch.stack(columns, 1), popularity)
