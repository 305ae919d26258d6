"""MMoE: experts that all tasks share, and a gate for each task that mixes them; OMoE has one gate for all.

Source: Ma et al., Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, KDD 2018,
section 4: ``f^k(x) = sum_i g^k(x)_i f_i(x)``, ``g^k(x) = softmax(W_gk x)``, ``y_k = h^k(f^k(x))``; OMoE has one gate g
for all tasks. The paper's gates have no bias; here they have one, as in public code.

Shape:
    h (B, H) of the bottom -> E experts (E, B, K) -> T mixtures (B, K) -> logits (B, T).
"""

from typing import ClassVar

from pydantic import Field
from torch import Tensor, nn

from ctrbench.backbones.base import BackboneSettings
from ctrbench.backbones.multitask.bottom import BottomSettings, Head, MultiTask, Sizes
from ctrbench.backbones.multitask.experts import Experts, Gates
from ctrbench.backbones.multitask.towers import Towers


class MMoESettings(BottomSettings):
    """Settings of a mixture of experts."""

    experts: int = Field(8, ge=1)
    """E"""
    expert: Sizes = Field((64,), min_length=1)
    """Sizes of the layers of each expert; the last one is K."""


class Mixture(Head):
    """Experts, gates and towers. (B, H) -> (B, T)."""

    def __init__(self, size: int, settings: MMoESettings, tasks: int, *, gates: int) -> None:
        """``gates`` is T, or 1: then all towers read one mixture."""
        super().__init__()
        self.tasks = tasks
        self.experts = Experts(1, settings.experts, size, settings.expert, dropout=settings.dropout)
        self.gates = Gates(gates, size, settings.experts)
        self.towers = Towers(settings.expert[-1], settings.tower, tasks, settings.dropout)

    @property
    def task_specific(self) -> list[nn.Module]:
        """The towers, and gates of which each task has one."""
        return [self.towers, self.gates] if self.gates.gates > 1 else [self.towers]

    def forward(self, h: Tensor) -> Tensor:
        """Logits."""
        mixtures = self.gates(h, self.experts(h.unsqueeze(0))[0]).unbind()
        return self.towers(mixtures if len(mixtures) == self.tasks else mixtures * self.tasks)


class MMoE(MultiTask):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = MMoESettings
    paper = "Modeling Task Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts"
    source = "Ma et al., KDD 2018"

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """A gate for each task."""
        assert isinstance(settings, MMoESettings)
        return Mixture(size, settings, tasks, gates=tasks)


class OMoE(MMoE):
    """See the module's docstring."""

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """One gate."""
        assert isinstance(settings, MMoESettings)
        return Mixture(size, settings, tasks, gates=1)
