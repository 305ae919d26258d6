"""More weight on the click of a row that converted: the simplest way to trust such clicks more.

A rival of PWiseR that has no pairs: the loss gains ``weight * 1/B sum_(j in S3) -log p_j``, as if a click that
converted counted ``1 + weight`` times.

Shape:
    B rows.
"""

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ctrbench.methods.base import MethodSettings
from ctrbench.methods.conversion.outcomes import OutcomeMethod, Outcomes, OutcomeSettings


class ConversionWeightedSettings(OutcomeSettings):
    """Settings of the weighted clicks."""

    weight: float = Field(1.0, ge=0)
    """How many times more a click that converted counts; 0 is plain."""


class ConversionWeighted(OutcomeMethod):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = ConversionWeightedSettings
    part = "converted"
    paper = "none: clicks weighted by their conversion"
    source = "a rival of PWiseR without pairs"

    def term(self, logits: Tensor, outcomes: Outcomes) -> Tensor:
        """Logloss of the clicks that converted, over the number of all rows."""
        return (functional.softplus(-logits[:, 0]) * outcomes.converted).mean()
