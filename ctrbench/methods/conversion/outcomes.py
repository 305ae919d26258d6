"""The three outcomes of a row, and what the methods that tell them apart have in common.

Source of the sets: Durmus et al., PWiseR, arXiv 2406.02163: S1 (no click), S2 (a click without a conversion) and S3 (a
click with one).

Shape:
    B rows, T tasks: the first is the click, the second the conversion.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data import funnel
from ctrbench.data.batch import Batch
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, Loss, Method, MethodSettings

TASKS = 2
"""A click and a conversion."""


@dataclass(frozen=True)
class Outcomes:
    """Masks (B,) of 0 and 1, in the type of the labels; every row is in exactly one."""

    unclicked: Tensor
    """S1"""
    clicked: Tensor
    """S2: without a conversion."""
    converted: Tensor
    """S3"""

    @classmethod
    def of(cls, labels: Tensor) -> Self:
        """The outcomes of rows with some labels (B, T)."""
        click, conversion = labels[:, 0], labels[:, 1]
        return cls(1 - click, click * (1 - conversion), click * conversion)


class OutcomeSettings(MethodSettings):
    """Settings of a method that adds a term on the outcomes to the loss."""

    weight: float = Field(0.1, ge=0)
    """lambda, the weight of the term; 0 is plain."""


class OutcomeMethod(Method):
    """Base class: plain's loss and ``weight`` times :meth:`term`. A subclass names its part of the loss."""

    Settings: ClassVar[type[MethodSettings]] = OutcomeSettings
    part: ClassVar[str]

    def __init__(self, backbone: Backbone, context: Context, settings: OutcomeSettings) -> None:
        super().__init__(backbone, context, settings)
        self.weight = settings.weight

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,
        settings: MethodSettings,  # noqa: ARG003
        manifest: Manifest | None,
    ) -> str | None:
        """A click and a conversion are needed, in this order."""
        if len(data.tasks) < TASKS:
            return f'it needs a click and a conversion: data.tasks names {data.tasks[0]} alone; add "conversion"'
        return funnel.wrong_order(data, manifest)

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:  # noqa: ARG002
        """L_C + lambda * term."""
        scored = backbone.score(backbone.interact(embedded), embedded)
        term = self.term(scored.logits, Outcomes.of(batch.labels))
        return self.task_loss(scored, batch).plus(self.part, term, self.weight)

    @abstractmethod
    def term(self, logits: Tensor, outcomes: Outcomes) -> Tensor:
        """What the method adds, a scalar, from logits (B, T)."""


def mean_over(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values (B,) of a group; 0 if it is empty."""
    return (values * mask).sum() / mask.sum().clamp(min=1)
