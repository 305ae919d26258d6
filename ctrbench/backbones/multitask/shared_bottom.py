"""Shared bottom: one single-task backbone under one tower for each task.

Source: Caruana, Multitask Learning, Machine Learning 1997; drawn as figure 1 (a) in Ma et al., Modeling Task
Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, KDD 2018.

Shape:
    h (B, H) of the bottom -> T towers (B, 1) -> logits (B, T).
"""

from typing import ClassVar

from ctrbench.backbones.base import BackboneSettings
from ctrbench.backbones.multitask.bottom import BottomSettings, Head, MultiTask
from ctrbench.backbones.multitask.towers import Towers


class SharedBottomSettings(BottomSettings):
    """Settings of the shared bottom."""

    bottom: str = "din"
    """The single-task backbone that all tasks share."""


class SharedMLPSettings(BottomSettings):
    """Settings of the shared bottom of multi-task libraries."""

    bottom: str = "mlp"
    """The single-task backbone that all tasks share."""


class SharedBottom(MultiTask):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = SharedBottomSettings
    paper = "Multitask Learning"
    source = "Caruana, Machine Learning 28, 1997"

    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """The towers."""
        return Towers(size, settings.tower, tasks, settings.dropout)


class SharedMLP(SharedBottom):
    """The shared bottom that multi-task papers compare with, an MLP on the embeddings: a table can hold both."""

    Settings: ClassVar[type[BackboneSettings]] = SharedMLPSettings
