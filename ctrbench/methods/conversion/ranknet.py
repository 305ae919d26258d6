"""The pairs of PWiseR with RankNet's loss: logistic, on logits, without a margin.

Source: Burges et al., Learning to Rank using Gradient Descent, ICML 2005, equation 3 with a certain order: ``log(1 +
exp(s_i - s_j))`` for a row j that should score above a row i. A rival of PWiseR: the same pairs, another form.

Shape:
    B rows, J rows that should score higher.
"""

from typing import ClassVar

from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ctrbench.backbones.base import Backbone
from ctrbench.methods.base import Context, MethodSettings
from ctrbench.methods.conversion.outcomes import OutcomeMethod, Outcomes, OutcomeSettings, mean_over


class RankNetSettings(OutcomeSettings):
    """Settings of the logistic pairs."""

    most_conversions: int = Field(2048, ge=1)
    """J, conversions of a batch that are paired, since every pair is computed; more of them are left out."""


class RankNet(OutcomeMethod):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = RankNetSettings
    part = "pairs"
    paper = "Learning to Rank using Gradient Descent"
    source = "Burges et al., ICML 2005; the pairs of arXiv 2406.02163"

    def __init__(self, backbone: Backbone, context: Context, settings: RankNetSettings) -> None:
        super().__init__(backbone, context, settings)
        self.most = settings.most_conversions

    def term(self, logits: Tensor, outcomes: Outcomes) -> Tensor:
        """The mean over pairs (S2, S3), and that over pairs (S1, S3)."""
        score = logits[:, 0]
        converted, rows = outcomes.converted.topk(min(self.most, len(score)))
        pairs = functional.softplus(score.unsqueeze(1) - score[rows].unsqueeze(0)) * converted
        of_row = pairs.sum(1) / converted.sum().clamp(min=1)
        return mean_over(of_row, outcomes.clicked) + mean_over(of_row, outcomes.unclicked)
