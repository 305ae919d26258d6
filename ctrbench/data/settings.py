"""Which rows, labels and inputs a run takes from a prepared dataset."""

from typing import Literal

from pydantic import Field

from ctrbench.strict import Strict


class DataSettings(Strict):
    """Section ``[data]`` of a recipe."""

    fields: tuple[str, ...] = ("user", "item")
    """Inputs of the backbone. The click history always comes along, with the item fields named here."""
    tasks: tuple[str, ...] = Field(("click",), min_length=1)
    """Labels that are trained, each with its own logit; the first is the main task, which stops training unless
    ``training.watch`` names another one."""
    derived: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Task -> trained tasks whose labels and probabilities it multiplies, over all rows: ``ctcvr = ["click",
    "conversion"]``. A derived task is validated and measured, but adds nothing to the loss."""
    conditional: dict[str, tuple[str, str]] = Field(default_factory=dict)
    """Task -> two trained tasks: the label and the probability of the first on the rows where the second's label is 1,
    P(first) / P(second). ``cvr = ["conversion", "click"]`` is the conversion rate after a click of a model that
    predicts conversions over all rows, each of which is a click too. Like a derived task, it adds nothing to the
    loss."""
    given: dict[str, str] = Field(default_factory=dict)
    """Trained task -> label: the task is trained, validated and measured only on rows where that label is 1.
    ``conversion = "click"`` makes the conversion rate one after a click (CVR)."""
    history_length: int = Field(50, ge=0, le=1_000_000)
    """How many of a history's latest clicks the backbone sees; 0: none. The click length L always counts all clicks."""
    minimum_history: int = Field(1, ge=0, le=1_000_000)
    """Training rows with a shorter history are left out; validation and test rows never are."""
    negatives: Literal["fresh", "fixed"] = "fresh"
    """Whether sampled training negatives are drawn anew each epoch, or once. No effect on a source with impressions."""
    negatives_per_positive: int = Field(1, ge=1, le=1_000)
    """Sampled training negatives per positive. Their distribution is the card's."""
