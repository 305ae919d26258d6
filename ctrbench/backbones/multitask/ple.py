"""PLE: experts of each task beside shared ones, in levels, so that what harms a task can stay out of it.

Source: Tang et al., Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model for Personalized
Recommendations, RecSys 2020, sections 4.1 and 4.2 and figure 5. A task's gate mixes its own experts and the shared
ones; below the last level, a shared gate mixes all of them, and the next level reads these mixtures. One level is
CGC, figure 4.

Shape:
    h (B, H) of the bottom -> per level T + 1 inputs, T * E specific and E' shared experts (B, K) -> logits (B, T).
"""

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import BackboneSettings
from ctrbench.backbones.multitask.bottom import BottomSettings, Head, MultiTask, Sizes
from ctrbench.backbones.multitask.experts import Experts, Gates, Linears
from ctrbench.backbones.multitask.towers import Towers


class PLESettings(BottomSettings):
    """Settings of PLE."""

    levels: int = Field(2, ge=1, le=100)
    """Extraction levels; 1 is CGC."""
    specific_experts: int = Field(4, ge=1)
    """E, experts of each task in a level."""
    shared_experts: int = Field(4, ge=1)
    """E', shared experts in a level."""
    expert: Sizes = Field((64,), min_length=1)
    """Sizes of the layers of each expert; the last one is K."""


class Extraction(nn.Module):
    """One level. (T + 1, B, size) -> (T + 1, B, K); the last level: (T, B, K). The shared input is the last one."""

    def __init__(self, size: int, settings: PLESettings, tasks: int, *, last: bool) -> None:
        super().__init__()
        self.tasks, self.split = tasks, (settings.specific_experts, settings.shared_experts)
        sizes, dropout = settings.expert, settings.dropout
        self.specific = Experts(tasks, settings.specific_experts, size, sizes, dropout=dropout)
        self.shared = Experts(1, settings.shared_experts, size, sizes, dropout=dropout)
        self.task_gates = Linears(tasks, size, sum(self.split))
        every = tasks * settings.specific_experts + settings.shared_experts
        self.shared_gate = None if last else Gates(1, size, every)

    def forward(self, x: Tensor) -> Tensor:
        """Mixtures for the next level, or for the towers."""
        specific, shared = self.specific(x[: self.tasks]), self.shared(x[self.tasks :])[0]
        own, common = functional.softmax(self.task_gates(x[: self.tasks]), 2).split(self.split, 2)
        of_tasks = torch.einsum("tbe,tebk->tbk", own, specific) + torch.einsum("tbe,ebk->tbk", common, shared)
        if self.shared_gate is None:
            return of_tasks
        every = torch.cat([specific.flatten(0, 1), shared])
        return torch.cat([of_tasks, self.shared_gate(x[self.tasks], every)])


class Levels(Head):
    """The levels and the towers. (B, H) -> (B, T)."""

    def __init__(self, size: int, settings: PLESettings, tasks: int) -> None:
        super().__init__()
        self.tasks = tasks
        inputs = (size, *[settings.expert[-1]] * (settings.levels - 1))
        self.levels = nn.Sequential(
            *(Extraction(each, settings, tasks, last=level == settings.levels) for level, each in enumerate(inputs, 1))
        )
        self.towers = Towers(settings.expert[-1], settings.tower, tasks, settings.dropout)

    @property
    def task_specific(self) -> list[nn.Module]:
        """The towers, and what the tasks have in the last level: lower levels reach all of them by the shared gate."""
        last = self.levels[-1]
        assert isinstance(last, Extraction)
        return [self.towers, last.specific, last.task_gates]

    def forward(self, h: Tensor) -> Tensor:
        """Logits."""
        return self.towers(self.levels(h.expand(self.tasks + 1, -1, -1)).unbind())


class PLE(MultiTask):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = PLESettings
    paper = "Progressive Layered Extraction (PLE): A Novel Multi-Task Learning Model for Personalized Recommendations"
    source = "Tang et al., RecSys 2020"

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """The levels and the towers."""
        assert isinstance(settings, PLESettings)
        return Levels(size, settings, tasks)
