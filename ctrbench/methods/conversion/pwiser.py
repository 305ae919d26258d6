"""PWiseR: a click that converted should score above one that did not, and above no click, by margins.

Source: Durmus et al., PWiseR: Pairwise Ranking Loss for Multi-Task Learning in Recommender Systems, arXiv 2406.02163::

    PWiseR = 1/|S2| sum_(i in S2) sum_(j in S3) relu(p_i - p_j + m1)^2
           + 1/|S1| sum_(k in S1) sum_(j in S3) relu(p_k - p_j + m2)^2

with p the predicted probability of a click and pairs within the batch; a term with an empty group is 0. The paper
leaves open, as options here: sum or mean over j, which head's probability p is, and whether the second term is about S3
or S2. The sum over j ties lambda to the batch size, so the mean is the default. One source prints the hinge with ``-
m1`` in its condition, which would make the loss jump; it is not offered.

Shape:
    B rows, Q recent conversions in the queue.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from ctrbench.backbones.base import Backbone
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.methods.base import Context, MethodSettings
from ctrbench.methods.conversion.outcomes import OutcomeMethod, Outcomes, OutcomeSettings, mean_over
from ctrbench.methods.conversion.squared_hinge import squared_hinges


class PWiseRSettings(OutcomeSettings):
    """Settings of PWiseR."""

    click_margin: float = Field(0.1, ge=0, le=1)
    """m1: how far a conversion should be above a click without one, as a probability."""
    no_click_margin: float = Field(0.2, ge=0, le=1)
    """m2: how far it should be above a row without a click; or a click, with ``second = "S1-S2"``."""
    pairs: Literal["mean", "sum"] = "mean"
    """Over the higher rows j of a pair; the sum, as the paper writes it, grows with their number in a batch."""
    heads: Literal["click", "click-conversion"] = "click"
    """Whose probability p_j of a conversion's row is: the click's, as for the lower row, or the conversion's."""
    second: Literal["S1-S3", "S1-S2"] = "S1-S3"
    """Which rows the second term puts above those without a click: conversions, or clicks without one."""
    queue: int = Field(0, ge=0, le=1_000_000)
    """Q, scores of the latest conversions of earlier batches that join those of the batch, without a gradient; for data
    in which a batch holds few conversions. 0: none."""


class PWiseR(OutcomeMethod):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = PWiseRSettings
    part = "pwiser"
    paper = "PWiseR: Pairwise Ranking Loss for Multi-Task Learning in Recommender Systems"
    source = "Durmus et al., arXiv 2406.02163"
    scores: Tensor
    filled: Tensor

    @classmethod
    def refuses(
        cls, backbone: str, data: DataSettings, settings: MethodSettings, manifest: Manifest | None
    ) -> str | None:
        """Two heads are compared over all rows only."""
        assert isinstance(settings, PWiseRSettings)
        if settings.heads == "click-conversion" and data.given:
            given = min(data.given)
            return f'heads = "click-conversion" compares probabilities over all rows; leave out data.given.{given}'
        return super().refuses(backbone, data, settings, manifest)

    def __init__(self, backbone: Backbone, context: Context, settings: PWiseRSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        self.register_buffer("scores", torch.zeros(settings.queue))
        self.register_buffer("filled", torch.zeros(settings.queue))

    def term(self, logits: Tensor, outcomes: Outcomes) -> Tensor:
        """PWiseR, from probabilities."""
        settings = self.settings
        click, conversion = logits[:, 0].sigmoid(), logits[:, 1].sigmoid()
        of_converted = click if settings.heads == "click" else conversion
        higher = torch.cat([of_converted, self.scores])
        converted = torch.cat([outcomes.converted, self.filled])
        first = self._hinges(click, higher, converted, settings.click_margin)
        if settings.second == "S1-S2":
            second = self._hinges(click, click, outcomes.clicked, settings.no_click_margin)
        else:
            second = self._hinges(click, higher, converted, settings.no_click_margin)
        self._remember(higher.detach(), converted)
        return mean_over(first, outcomes.clicked) + mean_over(second, outcomes.unclicked)

    def _hinges(self, lower: Tensor, higher: Tensor, counts: Tensor, margin: float) -> Tensor:
        """For each lower row (B,), the sum or the mean of its squared hinges."""
        found = squared_hinges(lower, higher, counts, margin).to(lower.dtype)
        return found / counts.sum().clamp(min=1) if self.settings.pairs == "mean" else found

    def _remember(self, higher: Tensor, converted: Tensor) -> None:
        """Keeps the latest conversions: those of the batch (the first B), after those of earlier ones."""
        if not self.settings.queue:
            return
        queued = len(self.scores)
        scores, filled = higher.roll(queued), converted.roll(queued)
        latest = filled.argsort(stable=True)[-queued:]
        self.scores, self.filled = scores[latest], filled[latest]
