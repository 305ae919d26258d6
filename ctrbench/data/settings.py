"""Which rows and which inputs a run takes from a prepared dataset."""

from typing import Literal

from pydantic import Field

from ctrbench.strict import Strict


class DataSettings(Strict):
    """Section ``[data]`` of a recipe."""

    fields: tuple[str, ...] = ("user", "item")
    """Inputs of the backbone. The click history always comes along, with the item fields named here."""
    label: str = "click"
    """The label that is trained and measured."""
    history_length: int = Field(50, ge=0)
    """Clicks of a history that the backbone sees, the latest; 0: none. The click length L always counts all."""
    minimum_history: int = Field(1, ge=0)
    """Training rows with a shorter history are left out; validation and test rows never are."""
    negatives: Literal["fresh", "fixed"] = "fresh"
    """Sampled training negatives: drawn anew each epoch, or once. Without effect where the source has impressions."""
    negatives_per_positive: int = Field(1, ge=1)
    """Sampled training negatives per positive. Their distribution is the card's."""
