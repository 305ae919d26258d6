"""A row of a table, and where its names are looked up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctrbench.backbones import BACKBONES
from ctrbench.methods import METHODS
from ctrbench.registry import Registry

if TYPE_CHECKING:
    from ctrbench.backbones.base import Backbone
    from ctrbench.methods.base import Method


@dataclass(frozen=True)
class Catalogue:
    """Where names of backbones and methods are looked up."""

    backbones: "Registry[type[Backbone]]"
    methods: "Registry[type[Method]]"


CATALOGUE = Catalogue(BACKBONES, METHODS)


@dataclass(frozen=True, order=True)
class Cell:
    """A row of a table: what all seeds have in common."""

    dataset: str
    backbone: str
    method: str
    variant: str = ""
    """Empty in a recipe without variants."""

    def __str__(self) -> str:
        return f"{self.dataset} {self.backbone} {self.method}" + (f" ({self.variant})" if self.variant else "")

    @property
    def names(self) -> dict[str, str]:
        """The row's dataset, backbone and method."""
        return {"dataset": self.dataset, "backbone": self.backbone, "method": self.method}
