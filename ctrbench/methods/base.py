"""The contract of every method: a loss over a backbone's three steps.

Shape:
    B rows, T tasks, H size of h.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.items import Items
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.strict import Strict


@dataclass(frozen=True)
class Loss:
    """What a step minimises, and its parts by name for the record. All are scalars on the device."""

    total: Tensor
    parts: dict[str, Tensor]


class MethodSettings(Strict):
    """Settings of a method; plain has none."""


class Method(nn.Module, ABC):
    """Base class; owns what its paper adds. A subclass sets ``Settings``, ``paper`` and ``source``."""

    Settings: ClassVar[type[MethodSettings]] = MethodSettings
    paper: ClassVar[str]
    source: ClassVar[str]

    def __init__(self, backbone: Backbone, manifest: Manifest, items: Items, settings: MethodSettings) -> None:  # noqa: ARG002
        super().__init__()

    @classmethod
    def refuses(cls, backbone: str, data: DataSettings, manifest: Manifest | None) -> str | None:  # noqa: ARG003
        """Why this method makes no sense for a backbone, a run's section ``[data]`` or a dataset; None where it does.

        Reports are made without the data too: then there is no manifest.
        """
        return None

    @abstractmethod
    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """The loss of a batch that the backbone has embedded already; augmentations draw from ``generator``."""

    def codewords_of(self, h: Tensor) -> Tensor | None:  # noqa: ARG002
        """The codeword (B,) that rows with h (B, H) belong to; None for a method without a codebook."""
        return None


def clicks_are_seen(least: int, data: DataSettings, manifest: Manifest | None) -> bool:
    """Whether a run may see histories of ``least`` clicks; of a dataset without a manifest it is believed."""
    return data.history_length >= least and (manifest is None or manifest.mean_click_length > 0)


def click_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean logloss L_C over rows and tasks: (B, T), (B, T) -> ()."""
    return functional.binary_cross_entropy_with_logits(logits, labels)
