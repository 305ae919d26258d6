"""The whole numbers that every dataset has beside its cohort columns (:data:`ctrbench.data.schema.NUMBERS`).

Shape:
    E examples: rows, items and users (E,) -> (E,).
"""

from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import LARGEST_NUMBER
from ctrbench.data.splitmix import mixed


def number_of(prepared: Prepared, name: str, rows: Tensor, items: Tensor, users: Tensor) -> Tensor:
    """A number of each example; a sampled negative has that of its own item."""
    match name:
        case "click_length":
            return prepared.rows["length"][rows]
        case "item_popularity":
            return prepared.items["popularity"][items]
        case "random_user":
            return _hashed(users, 1)
        case "random_item":
            return _hashed(items, 2)
        case "random_row":
            return _hashed(rows, 3)
    raise ValueError(name)


def _hashed(ids: Tensor, stream: int) -> Tensor:
    return mixed(ids.long() + (stream << 40), signed=True) & LARGEST_NUMBER
