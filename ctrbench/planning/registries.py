"""Where names of backbones and methods are looked up, and what their settings default to."""

import contextlib
import hashlib
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ctrbench.backbones import BACKBONES
from ctrbench.errors import CtrbenchError
from ctrbench.methods import METHODS
from ctrbench.recipe.row_key import RowKey
from ctrbench.registry import Registry
from ctrbench.store.defaults import Defaults, defaults_of, shipped_defaults
from ctrbench.store.identity import JobConfig, Plugin

if TYPE_CHECKING:
    from ctrbench.backbones.base import Backbone
    from ctrbench.methods.base import Method

Kind = Literal["backbone", "method"]


@dataclass(frozen=True)
class Registries:
    """The backbones and methods that a command may name."""

    backbones: "Registry[type[Backbone]]"
    methods: "Registry[type[Method]]"

    def of(self, kind: Kind) -> "Registry[Any]":
        """The registry of a kind of component."""
        return self.backbones if kind == "backbone" else self.methods

    def defaults(self, known: Defaults | None = None) -> Defaults:
        """The defaults of every component, from the golden file and, for plug-ins, from their classes.

        A plug-in that cannot be imported has none; :meth:`ctrbench.registry.Registry.get` raises the cause on use.
        """
        defaults = known or shipped_defaults()
        kinds: tuple[tuple[Kind, dict[str, Any]], ...] = (
            ("backbone", defaults.backbones),
            ("method", defaults.methods),
        )
        for kind, settled in kinds:
            for name in self.of(kind).names():
                if name not in settled:
                    with contextlib.suppress(CtrbenchError):
                        defaults = defaults.including(kind, name, defaults_of(self.of(kind).get(name).Settings))
        return defaults

    def plugins(self, job: JobConfig | RowKey) -> tuple[Plugin, ...]:
        """The components of a job that come from outside the package, with what identifies their code.

        Raises:
            CtrbenchError: a component is unknown or cannot be imported.
        """
        kinds: tuple[Kind, ...] = ("backbone", "method")
        names = {kind: getattr(job, kind) for kind in kinds}
        return tuple(self._plugin(kind, name) for kind, name in names.items() if name not in self.of(kind).builtin())

    def _plugin(self, kind: Kind, name: str) -> Plugin:
        registry = self.of(kind)
        component = registry.get(name)
        return Plugin(
            kind=kind,
            name=name,
            distribution=registry.distribution(name),
            digest=_source_digest(component),
            defaults=defaults_of(component.Settings),
        )


REGISTRIES = Registries(BACKBONES, METHODS)


def _source_digest(component: type) -> str:
    """sha256 of the source of the module that defines a class, and of the modules of its bases in the same package."""
    package = component.__module__.partition(".")[0]
    own = [each for each in component.__mro__ if each.__module__.partition(".")[0] == package]
    sources = dict.fromkeys(_source(each) for each in own)
    return hashlib.sha256(b"".join(hashlib.sha256(source).digest() for source in sources)).hexdigest()


def _source(component: type) -> bytes:
    """The file of the module that defines a class; without one the text of the class, or else its name."""
    path = getattr(sys.modules.get(component.__module__), "__file__", None)
    if path and Path(path).is_file():
        return Path(path).read_bytes()
    try:
        return inspect.getsource(component).encode()
    except (OSError, TypeError):
        return f"{component.__module__}.{component.__qualname__}".encode()
