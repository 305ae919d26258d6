"""The configuration of one run, and its identity."""

from typing import Any, Literal

from pydantic import Field

from ctrbench.data.schema import digest
from ctrbench.data.settings import DataSettings
from ctrbench.strict import Strict
from ctrbench.training.settings import TrainingSettings

ALGORITHM_VERSION = 2
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
    measure: Literal["test", "tuning"] = "test"
    """The rows that the record's metrics are taken on. ``tuning``: a trial of a search, which trains without the rows
    that the training split sets aside and is stopped and measured on them; it reads nothing outside training."""
    representations: int = Field(0, ge=0)
    """Test rows, evenly spread, whose h is filed beside the record (AQCL figure 6)."""

    def setting(self, section: str, key: str) -> Any:
        """A setting's value, of ``data``, ``training``, ``backbone`` or ``method``."""
        if section in ("backbone", "method"):
            return getattr(self, f"{section}_settings")[key]
        return getattr(getattr(self, section), key)

    def identity(self, fingerprint: str) -> str:
        """sha256 of settings, data fingerprint and algorithm version: the name of the run's record."""
        return digest([self.model_dump(mode="json"), fingerprint, ALGORITHM_VERSION])
