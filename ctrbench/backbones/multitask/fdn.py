"""FDN: features of a task are pulled apart from those that tasks share, and each pair of them is pushed to differ.

Source: Zhou et al., Feature Decomposition for Reducing Negative Transfer, arXiv 2302.05031, and its authors' code: task
i has J pairs of a specific expert ``p_ij`` and a shared expert ``s_ij``; ``logit_i = Linear(concat(p_i1 ... p_iJ, all
s))``; the loss gains ``BCE(Linear_ij(p_ij), y_i)`` for every pair, and a penalty. The code's penalty, ``mean_b ||s_ij
p_ij^T||_F`` for the vectors of row b, is the product of their lengths, which no direction changes; ``orthogonality =
"batch"`` is the penalty over the batch, ``||S^T P||_F^2 / B^2``, which is 0 where the two are uncorrelated.

Shape:
    h (B, H) of the bottom -> T * J specific and T * J shared experts (B, K) -> logits (B, T).
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.base import BackboneSettings, Embedded, Scored
from ctrbench.backbones.multitask.bottom import BottomSettings, Head, MultiTask, Sizes
from ctrbench.backbones.multitask.experts import Experts, Linears
from ctrbench.data.inputs import Inputs

Orthogonality = Literal["rows", "batch"]


class FDNSettings(BottomSettings):
    """Settings of FDN; it has no towers."""

    tower: Sizes = Field((), max_length=0)
    """None: a task's logit is one linear layer on its features and the shared ones."""
    pairs: int = Field(2, ge=1)
    """J, pairs of experts for each task."""
    expert: Sizes = Field((128, 64), min_length=1)
    """Sizes of the layers of each expert; the last one is K."""
    auxiliary: float = Field(1.0, ge=0)
    """Weight of the losses of the specific experts alone; 0 leaves them out."""
    orthogonality_weight: float = Field(1.0, ge=0)
    """Weight of the penalty; 0 leaves it out."""
    orthogonality: Orthogonality = "rows"
    """``rows``: as the authors' code has it; ``batch``: over the batch (see the module's docstring)."""


class Pairs(Head):
    """The experts and what reads them."""

    def __init__(self, size: int, settings: FDNSettings, tasks: int) -> None:
        super().__init__()
        self.tasks, self.pairs = tasks, settings.pairs
        sizes = settings.expert
        self.specific, self.shared = (
            Experts(1, tasks * settings.pairs, size, sizes, dropout=settings.dropout, activation=nn.ELU)
            for _ in range(2)
        )
        self.logit_layers = Linears(tasks, (1 + tasks) * settings.pairs * sizes[-1], 1)
        self.alone = Linears(tasks * settings.pairs, sizes[-1], 1) if settings.auxiliary else None

    @property
    def task_specific(self) -> list[nn.Module]:
        """The specific experts, and the layers on the features."""
        return [self.specific, self.logit_layers, *([self.alone] if self.alone else [])]

    def decompose(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """The specific and the shared features (T * J, B, K) of the pairs."""
        x = h.unsqueeze(0)
        return self.specific(x)[0], self.shared(x)[0]

    def logits(self, specific: Tensor, shared: Tensor) -> Tensor:
        """(B, T)"""
        rows = specific.shape[1]
        own = specific.unflatten(0, (self.tasks, self.pairs)).transpose(1, 2).reshape(self.tasks, rows, -1)
        common = shared.transpose(0, 1).reshape(rows, -1).expand(self.tasks, -1, -1)
        return self.logit_layers(torch.cat([own, common], 2)).squeeze(2).t()

    def logits_alone(self, specific: Tensor) -> tuple[Tensor, ...]:
        """For each of the J pairs, the logits (B, T) of its specific features."""
        if self.alone is None:
            return ()
        return self.alone(specific).squeeze(2).unflatten(0, (self.tasks, self.pairs)).permute(1, 2, 0).unbind()

    def forward(self, h: Tensor) -> Tensor:
        """Logits."""
        return self.logits(*self.decompose(h))


class FDN(MultiTask):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = FDNSettings
    paper = (
        "Feature Decomposition for Reducing Negative Transfer: A Novel Multi-task Learning Method for Recommender "
        "System"
    )
    source = "Zhou et al., arXiv 2302.05031"
    output: Pairs

    def __init__(self, inputs: Inputs, settings: FDNSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.settings = settings

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """The pairs of experts."""
        assert isinstance(settings, FDNSettings)
        return Pairs(size, settings, tasks)

    def score(self, h: Tensor, embedded: Embedded) -> Scored:
        """The logits, those of the specific features alone, and the penalty."""
        specific, shared = self.output.decompose(h)
        logits = embedded.beside_shallow(self.output.logits(specific, shared))
        weight = self.settings.orthogonality_weight
        penalties = {"orthogonality": weight * overlap(specific, shared, self.settings.orthogonality)} if weight else {}
        return Scored(logits, self.output.logits_alone(specific), self.settings.auxiliary, penalties)


def overlap(specific: Tensor, shared: Tensor, form: Orthogonality) -> Tensor:
    """The penalty, summed over pairs, of features (pairs, B, K)."""
    if form == "rows":
        return (specific.norm(dim=2) * shared.norm(dim=2)).mean(1).sum()
    return (torch.bmm(shared.transpose(1, 2), specific) / specific.shape[1]).square().sum()
