"""The configuration of one run, and its identity."""

from typing import Any, Literal

from pydantic import Field

from ctrbench.data.schema import digest
from ctrbench.data.settings import DataSettings
from ctrbench.strict import Strict
from ctrbench.training.settings import TrainingSettings

ALGORITHM_VERSION = 1
"""Counted up with every change that alters the numbers of an unchanged configuration."""


class RunConfig(Strict):
    """One run = dataset x backbone x method x seed, with every setting resolved: no default is left unsaid."""

    dataset: str
    backbone: str
    method: str
    seed: int = Field(ge=0)
    """Fixes initial weights, shuffling, negatives and dropout, each from its own stream: equal seeds are paired."""
    data: DataSettings = DataSettings()
    training: TrainingSettings = TrainingSettings()
    backbone_settings: dict[str, Any] = Field(default_factory=dict)
    """As dumped by the backbone's own settings model."""
    method_settings: dict[str, Any] = Field(default_factory=dict)
    """As dumped by the method's own settings model."""
    measure: Literal["test", "validation"] = "test"
    """The split the record's metrics are taken on. A trial of a search measures validation and never reads test."""

    def digest(self) -> str:
        """sha256 of the canonical JSON of all settings."""
        return digest(self.model_dump(mode="json"))

    def identity(self, fingerprint: str) -> str:
        """sha256 of settings, data fingerprint and algorithm version: the name of the run's record."""
        return digest([self.model_dump(mode="json"), fingerprint, ALGORITHM_VERSION])
