"""AITM: each step of a funnel passes on what it has learned, and attention weighs it against the next step's tower.

Source: Xi et al., Modeling the Sequential Dependence among Audience Multi-step Conversions with Multi-task Learning in
Targeted Display Advertising, KDD 2021. ``q_t`` is the tower of step t and ``p_(t-1) = g(z_(t-1))`` what the step before
passes on; ``z_1 = q_1``, ``z_t = sum_u w_u h1(u)`` over u in {p_(t-1), q_t}, with ``w = softmax(<h2(u), h3(u)> /
sqrt(K))``. The calibrator adds ``weight * mean_b sum_t max(y_t - y_(t-1), 0)`` to the loss: a step cannot be likelier
than the one before.

Shape:
    h (B, H) of the bottom -> q, z (B, K) for each of T steps -> logits (B, T).
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import BackboneSettings, Embedded, Scored
from ctrbench.backbones.layers import MLP
from ctrbench.backbones.masks import Dropout
from ctrbench.backbones.multitask.bottom import BottomSettings, Head, MultiTask, Sizes
from ctrbench.data import funnel
from ctrbench.data.inputs import Inputs
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings


class AITMSettings(BottomSettings):
    """Settings of AITM."""

    tower: Sizes = Field((64, 32), min_length=1)
    """Sizes of the layers of each step's tower; the last one is K."""
    calibrator: float = Field(0.6, ge=0)
    """Weight of the calibrator; 0.6 in the paper's code, 0 leaves it out."""


class Transfer(nn.Module):
    """AIT: what the step before passes on, and the tower of a step, weighed by attention. Twice (B, K) -> (B, K)."""

    def __init__(self, size: int, dropout: float) -> None:
        super().__init__()
        self.passed_on = nn.Sequential(nn.Linear(size, size), nn.ReLU(), Dropout(dropout))
        self.value, self.key, self.query = (nn.Linear(size, size) for _ in range(3))

    def forward(self, before: Tensor, own: Tensor) -> Tensor:
        """z of a step, from z of the step before and its own q."""
        u = torch.stack([self.passed_on(before), own], 1)
        weights = functional.softmax((self.key(u) * self.query(u)).sum(2) / u.shape[2] ** 0.5, 1)
        return (weights.unsqueeze(2) * self.value(u)).sum(1)


class Steps(Head):
    """The funnel. (B, H) -> (B, T)."""

    def __init__(self, size: int, settings: AITMSettings, tasks: int) -> None:
        super().__init__()
        sizes, last, dropout = (size, *settings.tower), settings.tower[-1], settings.dropout
        self.towers = nn.ModuleList(MLP(sizes, activation=nn.ReLU, dropout=dropout) for _ in range(tasks))
        self.transfers = nn.ModuleList(Transfer(last, dropout) for _ in range(tasks - 1))
        self.last = nn.ModuleList(nn.Linear(last, 1) for _ in range(tasks))

    @property
    def task_specific(self) -> list[nn.Module]:
        """The last layers: what a tower learns is handed on."""
        return [self.last]

    def forward(self, h: Tensor) -> Tensor:
        """Logits."""
        first, *others = (tower(h) for tower in self.towers)
        steps = [first]
        for transfer, own in zip(self.transfers, others, strict=True):
            steps.append(transfer(steps[-1], own))
        return torch.cat([layer(z) for layer, z in zip(self.last, steps, strict=True)], 1)


class AITM(MultiTask):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = AITMSettings
    paper = (
        "Modeling the Sequential Dependence among Audience Multi-step Conversions with Multi-task Learning in Targeted "
        "Display Advertising"
    )
    source = "Xi et al., KDD 2021, arXiv 2105.08489"

    def __init__(self, inputs: Inputs, settings: AITMSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.calibrator = settings.calibrator

    @classmethod
    def refuses(cls, settings: BackboneSettings, data: DataSettings, manifest: Manifest | None) -> str | None:  # noqa: ARG003
        """The calibrator compares steps over all rows."""
        return funnel.refusal(data, manifest)

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """The steps."""
        assert isinstance(settings, AITMSettings)
        return Steps(size, settings, tasks)

    def score(self, h: Tensor, embedded: Embedded) -> Scored:
        """The logits, and the calibrator."""
        logits = self.predict(h, embedded)
        penalties: Mapping[str, Tensor] = {}
        if self.calibrator and self.tasks > 1:
            probability = logits.sigmoid()
            above = functional.relu(probability[:, 1:] - probability[:, :-1])
            penalties = {"calibrator": self.calibrator * above.sum(1).mean()}
        return Scored(logits, penalties=penalties)
