"""Logloss, and a softmax over the batch in which each conversion should win against all rows without one.

Source: the joint loss of calibration and ranking of Sheng et al., Joint Optimization of Ranking and Calibration with
Contextualized Hybrid Model, KDD 2023, arXiv 2208.06164, in its plain form: a list is a batch, and the winner a click
that converted: ``-log(exp(s_j) / (exp(s_j) + sum_(i not in S3) exp(s_i)))``, mean over j in S3. A rival of PWiseR.

Shape:
    B rows.
"""

import torch
from torch import Tensor
from torch.nn import functional

from ctrbench.methods.conversion.outcomes import OutcomeMethod, Outcomes, mean_over


class Listwise(OutcomeMethod):
    """See the module's docstring."""

    part = "list"
    paper = "Joint Optimization of Ranking and Calibration with Contextualized Hybrid Model"
    source = "Sheng et al., KDD 2023, arXiv 2208.06164; lists of a batch with conversions as winners"

    def term(self, logits: Tensor, outcomes: Outcomes) -> Tensor:
        """The softmax loss on the click's logits."""
        score = logits[:, 0]
        lowest = torch.finfo(score.dtype).min
        others = torch.logsumexp(score.masked_fill(outcomes.converted > 0, lowest), 0)
        return mean_over(functional.softplus(others - score), outcomes.converted)
