"""The metrics of one look at the validation rows, as the loop measures them and the record keeps them.

A look ends an epoch, or one of the ``training.looks`` equal parts of an epoch.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from ctrbench.metrics.distribution import Distribution

Of = Literal["parameters", "activations"]
AttentionSummary = dict[str, dict[Of, Distribution]]
"""Attention layer -> what is distributed, where a row has any of it -> its distribution."""
ALL = "all"
"""All layers of a summary together, where there are several."""


@dataclass(frozen=True)
class EpochMetrics:
    """What happened between the previous look and this one."""

    epoch: int
    """Position in the history, from 1: the number of the epoch or, with several looks per epoch, of the look."""
    loss: float
    """Mean total loss over the batches, penalties included."""
    parts: dict[str, float]
    """Mean of each part of the loss, by name: one for each task, and those that the method adds."""
    validation: dict[str, dict[str, float | None]]
    """Task -> metric -> value on the validation rows, or on the search holdout of a trial; None where the rows do not
    define the metric."""
    seconds: float
    """Wall time of the training pass."""
    cpu_seconds: float
    """CPU time of the training pass."""
    rows_per_second: float
    """Training rows per CPU second."""
    attention: AttentionSummary = field(default_factory=dict)
    """How the attention weights are distributed at the look (:mod:`ctrbench.training.attention`); empty unless the job
    asks for it."""

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """The metrics from the result of ``asdict``, after a detour through JSON."""
        attention = {
            layer: {kind: Distribution.parse(each) for kind, each in own.items()}
            for layer, own in document["attention"].items()
        }
        return cls(**{**document, "attention": attention})
