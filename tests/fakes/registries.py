"""Backbones and methods that plans may name and nothing can train."""

from pydantic import Field

from ctrbench.planning.registries import Registries
from ctrbench.registry import Registry
from ctrbench.strict import Strict


class NetSettings(Strict):
    hidden: tuple[int, ...] = (8, 4)
    dropout: float = 0.2


class WeightSettings(Strict):
    weight: float = Field(0.05, gt=0)


class Net:
    Settings = NetSettings

    @classmethod
    def refuses(cls, settings, data, manifest):
        return None


class Plain:
    Settings = Strict

    @classmethod
    def refuses(cls, backbone, data, settings, manifest):
        return None

    @classmethod
    def least_epochs(cls, settings):
        return 1

    @classmethod
    def cohorts(cls, settings):
        return ()


class Weighted(Plain):
    Settings = WeightSettings


class Picky(Plain):
    """Refuses a run without the field ``user``, and the backbone ``deep``."""

    @classmethod
    def refuses(cls, backbone, data, settings, manifest):
        if "user" not in data.fields:
            return "it wants the user"
        return "it wants a history" if backbone == "deep" else None


class Seeing(Plain):
    """Reads the cohort ``age_group`` while it trains."""

    @classmethod
    def cohorts(cls, settings):
        return ("age_group",)


def registries(methods=("plain", "weighted", "diverging", "picky"), backbones=("net", "deep")) -> Registries:
    """Fake backbones and methods, as if the package declared them; ``seeing`` only where it is asked for."""
    classes = {"plain": Plain, "weighted": Weighted, "diverging": Plain, "picky": Picky, "seeing": Seeing}
    return Registries(
        Registry("backbone", dict.fromkeys(backbones, f"{__name__}:Net")),
        Registry("method", {name: f"{__name__}:{classes[name].__name__}" for name in methods}),
    )
