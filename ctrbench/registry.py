"""Names of formats, backbones, methods, metrics and views, resolved to what they stand for.

Source of the shape: lm-evaluation-harness's registry (lazy targets, collision errors, "did you mean").
"""

import difflib
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from ctrbench.errors import CtrbenchError

T = TypeVar("T")


def unknown(kind: str, name: str, known: Iterable[str]) -> CtrbenchError:
    """The error for a name that nobody registered, with the nearest known name."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
    return CtrbenchError(f"unknown {kind} {name!r:.120}; {hint}")


class Registry(Generic[T]):
    """Maps names to objects, importing a built-in one only when it is asked for.

    Third parties add theirs through the entry point group ``ctrbench.<kind>s``.
    """

    def __init__(self, kind: str, builtin: dict[str, str] | None = None) -> None:
        """``kind`` is the singular noun of error messages; ``builtin`` maps names to ``"module:attribute"``."""
        self.kind = kind
        self._builtin = dict(builtin or {})
        self._loaded: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds an object under a name.

        Raises:
            ValueError: the name is taken.
        """
        if name in self._builtin or name in self._loaded:
            raise ValueError(f"{self.kind} {name!r} is registered already")

        def add(target: T) -> T:
            self._loaded[name] = target
            return target

        return add

    def names(self) -> list[str]:
        """All names: built-in ones in their order of declaration, then those of third parties."""
        return list(dict.fromkeys([*self._builtin, *self._loaded, *self._third_party()]))

    def builtin(self) -> list[str]:
        """Names of what this package itself declares."""
        return list(self._builtin)

    def get(self, name: str) -> T:
        """The object of a name.

        Raises:
            CtrbenchError: nobody registered the name, or the package that did cannot be imported.
        """
        if name not in self._loaded:
            if name in self._builtin:
                module, attribute = self._builtin[name].split(":")
                self._loaded[name] = cast(T, getattr(import_module(module), attribute))
            elif name in (third_party := self._third_party()):
                self._loaded[name] = self._load(third_party[name])
            else:
                raise unknown(self.kind, name, self.names())
        return self._loaded[name]

    def distribution(self, name: str) -> str | None:
        """Name and version of the distribution whose entry point registers a name; None for one registered in code."""
        point = self._third_party().get(name)
        if point is None or name in self._builtin or point.dist is None:
            return None
        return f"{point.dist.name} {point.dist.version}"

    def _load(self, point: EntryPoint) -> T:
        try:
            return cast(T, point.load())
        except Exception as error:
            # Whatever somebody else's module does while it is imported.
            owner = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            raise CtrbenchError(
                f"{self.kind} {point.name!r}: the entry point {point.value}{owner} cannot be loaded ({cause}); mend or "
                "uninstall that package"
            ) from error

    def _third_party(self) -> dict[str, EntryPoint]:
        return _entry_points(f"ctrbench.{self.kind}s", tuple(sys.path))


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:  # noqa: ARG001
    """Entry points by name. Looking for them reads the metadata of every installed package: once for each path."""
    return {point.name: point for point in entry_points(group=group)}
