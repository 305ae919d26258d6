"""One model for each task, with nothing shared, side by side in one run: what multi-task models are compared with.

Each is a single-task backbone under a tower. No gradient of one task reaches a model of another, and Adam treats every
weight alone, so they train as in runs of their own; only the look whose weights are kept, which ``training.watch``
chooses, is the same for all.

Shape:
    T models with D' and H' each: D = T * D', H = T * H', of which every model reads its own part.
"""

from dataclasses import replace
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor, nn

from ctrbench.backbones.base import Backbone, BackboneSettings, Embedded
from ctrbench.backbones.multitask.bottom import BottomSettings
from ctrbench.backbones.multitask.towers import Towers
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs


class SingleTaskSettings(BottomSettings):
    """Settings of the models, the same for each."""

    bottom: str = "din"
    """The single-task backbone, of which every task has one."""


class SingleTask(Backbone):
    """See the module's docstring."""

    Settings: ClassVar[type[BackboneSettings]] = SingleTaskSettings
    paper = "none: the tasks apart"
    source = "the base of multi-task papers"
    single_task: ClassVar[bool] = False

    def __init__(self, inputs: Inputs, settings: SingleTaskSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.models = nn.ModuleList(settings.make_bottom(inputs, 1) for _ in range(tasks))
        for model in self._models():
            model.output = Towers(model.representation_size, settings.tower, 1, settings.dropout)
        first = self._models()[0]
        self.embedding_size, self.embedding_std = tasks * first.embedding_size, first.embedding_std
        self.representation_size = tasks * first.representation_size

    def _models(self) -> list[Backbone]:
        return [model for model in self.models if isinstance(model, Backbone)]

    @property
    def heads(self) -> list[nn.Module]:
        """All of it."""
        return [*self.models]

    def embed(self, batch: Batch) -> Embedded:
        """The models' embeddings side by side, and their shallow logits."""
        parts = [model.embed(batch) for model in self._models()]
        shallow = [part.shallow for part in parts if part.shallow is not None]
        fields = torch.cat([part.fields for part in parts], 2)
        history = cache(lambda: torch.cat([part.history for part in parts], 2))
        pooled = [part.pooled for part in parts if part.pooled is not None]
        return replace(
            parts[0],
            fields=fields,
            look_up_history=history,
            shallow=torch.cat(shallow, 1) if shallow else None,
            pooled=torch.cat(pooled, 2) if pooled else None,
        )

    def embed_items(self, columns: Tensor) -> Tensor:
        """The models' item embeddings side by side."""
        return torch.cat([model.embed_items(columns) for model in self._models()], 2)

    def interact(self, embedded: Embedded) -> Tensor:
        """The models' representations side by side."""
        own = zip(self._models(), embedded.chunks(self.tasks), strict=True)
        return torch.cat([model.interact(each) for model, each in own], 1)

    def predict(self, h: Tensor, embedded: Embedded) -> Tensor:
        """Logits (B, T), each of a model."""
        parts = h.chunk(self.tasks, 1)
        logits = [model.output(part) for model, part in zip(self._models(), parts, strict=True)]
        return embedded.beside_shallow(torch.cat(logits, 1))
