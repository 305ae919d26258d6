"""The margins that dataset cards state: differences too small to matter."""

from functools import cache

from ctrbench import places
from ctrbench.places import card_name
from ctrbench.prepare.card import read_card


@cache
def margin_of(dataset: str, metric: str) -> float | None:
    """The margin of a metric on a dataset's shipped card; None where the card states none, or is not shipped.

    Raises:
        CtrbenchError: the card cannot be read.
    """
    path = places.cards().get(card_name(dataset))
    return read_card(path).margins.get(metric) if path else None
