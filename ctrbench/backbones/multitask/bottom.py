"""What every multi-task backbone is made of: a single-task backbone, and on its h what the tasks do not share.

Shape:
    h (B, H) of the bottom -> logits (B, T); a bottom's shallow logits (B, T) are added to them.
"""

from abc import abstractmethod
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field, ValidationInfo, field_validator
from torch import Tensor, nn

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.base import Backbone, BackboneSettings, Embedded, check_sizes
from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs
from ctrbench.errors import CtrbenchError

Sizes = Annotated[tuple[int, ...], AfterValidator(check_sizes)]
"""Sizes of hidden layers."""


DROPOUT = "dropout"


class BottomSettings(BackboneSettings):
    """Settings of a backbone with a single-task backbone as its bottom, and a tower for each task."""

    bottom: str = "embeddings"
    """The single-task backbone whose h the tasks read. ``embeddings`` hands them the embeddings side by side."""
    bottom_settings: dict[str, Any] = Field(default_factory=dict, validate_default=True)
    """Settings of the bottom that differ from its defaults, and from ``dropout``."""
    tower: Sizes = (32,)
    """Sizes of the hidden layers of each tower."""
    dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout rate after every hidden layer of experts and towers, and of a bottom that is given no other."""

    @field_validator("bottom_settings")
    @classmethod
    def _are_those_of_the_bottom(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if "bottom" not in info.data:
            return values
        name = info.data["bottom"]
        try:
            bottom = BACKBONES.get(name)
            if not bottom.single_task:
                raise CtrbenchError(f"{name} has parts for each task already; name a single-task backbone")
            # A setting at its default is left out, so that naming it does not change the job's identity.
            read = bottom.Settings.read(values, name)
            kept = read.model_dump(mode="json", include={DROPOUT} & values.keys())
            return read.model_dump(mode="json", exclude_defaults=True) | kept
        except CtrbenchError as error:
            raise ValueError(str(error)) from None

    def make_bottom(self, inputs: Inputs, tasks: int) -> Backbone:
        """The bottom with its own initial weights."""
        chosen = BACKBONES.get(self.bottom)
        inherited = {DROPOUT: self.dropout} if DROPOUT in chosen.Settings.model_fields else {}
        return chosen(inputs, chosen.Settings.read(inherited | self.bottom_settings, self.bottom), tasks)


class Head(nn.Module):
    """What predicts the tasks from h: (B, H) -> (B, T)."""

    @property
    def task_specific(self) -> list[nn.Module]:
        """The parts of which each task has its own, or its own rows of the weights; here all of it."""
        return [self]


class MultiTask(Backbone):
    """Base class; a subclass defines :meth:`make_output`, which takes the place of the bottom's output layer."""

    single_task: ClassVar[bool] = False
    output: Head

    def __init__(self, inputs: Inputs, settings: BottomSettings, tasks: int = 1) -> None:
        super().__init__(inputs, settings, tasks)
        self.bottom = settings.make_bottom(inputs, tasks)
        self.representation_size = self.bottom.representation_size
        self.embedding_size, self.embedding_std = self.bottom.embedding_size, self.bottom.embedding_std
        self.bottom.output = nn.Identity()
        self.output = self.make_output(self.representation_size, settings, tasks)

    @abstractmethod
    def make_output(self, size: int, settings: BottomSettings, tasks: int) -> Head:
        """What predicts ``tasks`` tasks from h (B, size)."""

    @property
    def heads(self) -> list[nn.Module]:
        """The parts of the output that each task has for itself, and what else the bottom has for each task."""
        return [*self.output.task_specific, *self.bottom.heads]

    def embed(self, batch: Batch) -> Embedded:
        """The bottom's embeddings, and its shallow logits for every task."""
        return self.bottom.embed(batch)

    def embed_items(self, columns: Tensor) -> Tensor:
        """The bottom's item embeddings."""
        return self.bottom.embed_items(columns)

    def interact(self, embedded: Embedded) -> Tensor:
        """h (B, H), which all tasks read."""
        return self.bottom.interact(embedded)
