"""Shared bottom: one single-task backbone under one tower for each task.

Source: Caruana, Multitask Learning, Machine Learning 1997; drawn as figure 1 (a) in Ma et al., Modeling Task
Relationships in Multi-task Learning with Multi-gate Mixture-of-Experts, KDD 2018.

Shape:
    h (B, H) of the bottom -> T towers (B, 1) -> logits (B, T); a bottom's shallow logits (B, T) are added to them.
"""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from torch import Tensor, nn

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.base import Backbone, BackboneSettings, Embedded, check_sizes
from ctrbench.backbones.layers import MLP
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs
from ctrbench.errors import CtrbenchError


class SharedBottomSettings(BackboneSettings):
    """Settings of the shared bottom."""

    bottom: str = "din"
    """The single-task backbone that all tasks share."""
    bottom_settings: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    """Settings of the bottom that differ from its defaults."""
    tower: Annotated[tuple[int, ...], AfterValidator(check_sizes)] = (32,)
    """Sizes of the hidden layers of each tower."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout rate after every hidden layer of a tower."""

    @field_validator("bottom_settings")
    @classmethod
    def _are_those_of_the_bottom(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "bottom" not in info.data:
            return values
        name, place = info.data["bottom"], "backbones.shared-bottom"
        bottom = BACKBONES.get(name)
        if not bottom.single_task:
            raise CtrbenchError(f"{place}.bottom: {name} has parts for each task already; name a single-task backbone")
        # A setting at its default is left out, so that naming it does not change the job's identity.
        read = bottom.Settings.read(values, f"{place}.bottom_settings")
        return read.model_dump(mode="json", exclude_defaults=True)


class Towers(nn.Module):
    """One network for each task. (B, H) -> (B, T)."""

    def __init__(self, size: int, hidden: tuple[int, ...], tasks: int, dropout: float) -> None:
        super().__init__()
        last = (size, *hidden)[-1]
        self.towers = nn.ModuleList(
            nn.Sequential(MLP((size, *hidden), activation=nn.ReLU, dropout=dropout), nn.Linear(last, 1))
            for _ in range(tasks)
        )

    def forward(self, h: Tensor) -> Tensor:
        """The tasks' logits side by side."""
        return torch.cat([tower(h) for tower in self.towers], 1)


class SharedBottom(Backbone):
    """See the module's docstring. The towers replace the bottom's output layer."""

    Settings: ClassVar[type[BackboneSettings]] = SharedBottomSettings
    paper = "Multitask Learning"
    source = "Caruana, Machine Learning 28, 1997"
    single_task = False

    def __init__(self, inputs: Inputs, settings: SharedBottomSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        chosen = BACKBONES.get(settings.bottom)
        place = "backbones.shared-bottom.bottom_settings"
        self.bottom = chosen(inputs, chosen.Settings.read(settings.bottom_settings, place), tasks)
        self.representation_size = self.bottom.representation_size
        self.embedding_size, self.embedding_std = self.bottom.embedding_size, self.bottom.embedding_std
        self.bottom.output = Towers(self.representation_size, settings.tower, tasks, settings.dropout)

    @property
    def heads(self) -> list[nn.Module]:
        """The towers, and what else the bottom has for each task."""
        return self.bottom.heads

    def embed(self, batch: Batch) -> Embedded:
        """The bottom's embeddings, and its shallow logits for every task."""
        return self.bottom.embed(batch)

    def embed_items(self, columns: Tensor) -> Tensor:
        """The bottom's item embeddings."""
        return self.bottom.embed_items(columns)

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H), shared by the tasks."""
        return self.bottom.interact(embedded)

    def predict(self, h: Tensor, embedded: Embedded) -> Tensor:
        """Logits (B, T)."""
        return self.bottom.predict(h, embedded)
