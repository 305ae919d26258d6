"""The configuration of a job, and the identity that follows from it.

Identity = sha256 of canonical JSON of the settings that differ from their defaults, the training fingerprint of the
data and the algorithm version. A new setting with a default changes no existing identity; a changed default needs a new
algorithm version (:mod:`ctrbench.store.defaults`).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import Field

from ctrbench.data.schema import digest
from ctrbench.data.settings import DataSettings
from ctrbench.strict import ComponentName, DatasetName, Strict
from ctrbench.training.settings import TrainingSettings

ALGORITHM_VERSION = 2
"""Counted up with every change that alters the numbers of an unchanged configuration, a changed default included."""

Section = Literal["data", "training", "backbone", "method"]
SECTIONS: tuple[Section, ...] = ("data", "training", "backbone", "method")

Settings = Mapping[Section, Mapping[str, Any]]
"""Section -> key -> value."""


class Plugin(Strict):
    """A registered component from outside the package: its code takes part in the identity."""

    kind: Literal["backbone", "method", "metric"]
    """A metric counts where it is watched."""
    name: str
    distribution: str | None
    """Name and version of the installed distribution that registers it; None for one registered in code."""
    digest: str
    """sha256 of the source of the module that defines it, and of the modules of its bases in the same package."""
    defaults: dict[str, Any]
    """Of its settings (none for a metric), so that a report can be made where the plug-in is not installed. They take
    part in the identity too: they may stand in another module than the component."""


class JobConfig(Strict):
    """One job: dataset x backbone x method x seed, with the settings that differ from their defaults."""

    dataset: DatasetName
    backbone: ComponentName
    method: ComponentName
    seed: int = Field(ge=0)
    """Fixes initial weights, shuffling, negatives and dropout, each from its own stream: equal seeds are paired."""
    settings: dict[Section, dict[str, Any]] = Field(default_factory=dict)
    """Canonical (:func:`canonical`); a section without differences is absent."""
    judged_on: Literal["test", "search_holdout"] = "test"
    """The rows that the record's metrics are measured on. ``search_holdout``: a trial of a search, which trains without
    the search holdout, and is stopped and measured on it; it reads nothing outside the training split."""
    representations: int = Field(0, ge=0)
    """Test rows, evenly spread, whose h is stored beside the record (AQCL figure 6)."""
    attention_rows: int = Field(0, ge=0)
    """Validation rows, evenly spread, on which every look summarises the attention weights for the record (C2AL figures
    2, 4 and 5)."""

    @property
    def data(self) -> DataSettings:
        """Section ``data`` with its defaults."""
        return DataSettings.read(self.settings.get("data", {}), f"{self.dataset}: data")

    @property
    def training(self) -> TrainingSettings:
        """Section ``training`` with its defaults."""
        return TrainingSettings.read(self.settings.get("training", {}), f"{self.dataset}: training")

    def identity(self, fingerprint: str, plugins: Iterable[Plugin] = (), version: int = ALGORITHM_VERSION) -> str:
        """sha256 of settings, training fingerprint, algorithm version and the code of plug-ins: the record's name."""
        codes = [plugin.model_dump(mode="json") for plugin in plugins]
        document: list[object] = [self.model_dump(mode="json", exclude_defaults=True), fingerprint, version]
        return digest(canonical(document + ([codes] if codes else [])))


def canonical(value: Any) -> Any:
    """The JSON form in which settings are compared: tuples are lists, and a float without a fraction is an int.

    So a recipe may say 1 or 1.0, and no TOML reader or settings class changes an identity.
    """
    if isinstance(value, Mapping):
        return {str(key): canonical(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(entry) for entry in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def differing(settings: Settings, defaults: Settings) -> dict[Section, dict[str, Any]]:
    """The settings that differ from ``defaults``, canonical; sections without any are left out."""
    found: dict[Section, dict[str, Any]] = {}
    for section in SECTIONS:
        own, known = settings.get(section, {}), defaults.get(section, {})
        changed = {
            key: canonical(value) for key, value in own.items() if key not in known or not same(value, known[key])
        }
        if changed:
            found[section] = changed
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values have the same canonical form; True and 1, equal in Python, differ."""
    return digest(canonical(one)) == digest(canonical(other))
