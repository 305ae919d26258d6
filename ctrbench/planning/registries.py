"""Where names of backbones and methods are looked up, and what their settings default to."""

import contextlib
import hashlib
import inspect
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ctrbench.backbones import BACKBONES
from ctrbench.errors import CtrbenchError
from ctrbench.methods import METHODS
from ctrbench.metrics import METRICS
from ctrbench.recipe.row_key import RowKey
from ctrbench.registry import Registry
from ctrbench.store.defaults import Defaults, defaults_of, shipped_defaults
from ctrbench.store.identity import JobConfig, Plugin

if TYPE_CHECKING:
    from ctrbench.backbones.base import Backbone
    from ctrbench.methods.base import Method

Kind = Literal["backbone", "method", "metric"]


@dataclass(frozen=True)
class Registries:
    """The backbones and methods that a command may name."""

    backbones: "Registry[type[Backbone]]"
    methods: "Registry[type[Method]]"

    def of(self, kind: Kind) -> "Registry[Any]":
        """One of the two, or that of metrics."""
        registries: dict[Kind, Registry[Any]] = {
            "backbone": self.backbones,
            "method": self.methods,
            "metric": METRICS,
        }
        return registries[kind]

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

        These are its backbone and method and, where its settings are given, the others that they name.

        Raises:
            CtrbenchError: a component is unknown or cannot be imported.
        """
        kinds: tuple[Kind, ...] = ("backbone", "method")
        names = [(kind, getattr(job, kind)) for kind in kinds]
        own = tuple(self.plugin(kind, name) for kind, name in names if name not in self.of(kind).builtin())
        return own + (self.named(job, own) if isinstance(job, JobConfig) else ())

    def named(self, job: JobConfig, own: Sequence[Plugin]) -> tuple[Plugin, ...]:
        """Plug-ins that a job's settings name: a backbone within its backbone, such as the bottom of a shared bottom,
        and the metric that stops training."""
        settings = {"backbone": {}, "training": {}, **job.settings}
        given = [plugin.defaults for plugin in own if plugin.kind == "backbone"] + [settings["backbone"]]
        names: list[tuple[Kind, str]] = [("backbone", text) for text in sorted(set(_texts(given)) - {job.backbone})]
        names.append(("metric", str(settings["training"].get("watch", "")).rpartition(".")[2]))
        return tuple(self.plugin(kind, name) for kind, name in names if self.has_plugin(kind, name))

    def has_plugin(self, kind: Kind, name: str) -> bool:
        """Whether a name is registered from outside the package."""
        return name in self.of(kind).names() and name not in self.of(kind).builtin()

    def plugin(self, kind: Kind, name: str) -> Plugin:
        """What identifies the code of a component from outside the package.

        Raises:
            CtrbenchError: it is unknown or cannot be imported.
        """
        registry = self.of(kind)
        component = registry.get(name)
        return Plugin(
            kind=kind,
            name=name,
            distribution=registry.distribution(name),
            digest=_source_digest(component),
            defaults={} if kind == "metric" else defaults_of(component.Settings),
        )


REGISTRIES = Registries(BACKBONES, METHODS)


def _texts(value: object) -> Iterator[str]:
    """Every text in a value of settings."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, list | tuple):
        for entry in value:
            yield from _texts(entry)


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
