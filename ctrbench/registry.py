"""Names of formats, backbones, methods, metrics and views, resolved to the registered classes and functions.

Source of the shape: lm-evaluation-harness's registry (lazy targets, collision errors, "did you mean").
"""

import difflib
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from ctrbench.errors import CtrbenchError
from ctrbench.names import ALL, check_name

T = TypeVar("T")


NAMED = 15
"""Known names that an error lists."""


def unknown(kind: str, name: str, known: Iterable[str]) -> CtrbenchError:
    """The error for a name that nobody registered, with the nearest known name."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    more = f" and {len(known) - NAMED} more" if len(known) > NAMED else ""
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known[:NAMED]) or 'none'}{more}"
    return CtrbenchError(f"unknown {kind} {name!r:.120}; {hint}")


class Registry(Generic[T]):
    """Maps names to objects; a built-in object is imported on first use.

    Other packages add objects through the entry point group ``ctrbench.<kind>s``.
    """

    def __init__(self, kind: str, builtin: dict[str, str] | None = None, *, base: str | None = None) -> None:
        """A registry with the entries that this package declares.

        Args:
            kind: singular noun of error messages.
            builtin: name -> ``"module:attribute"``.
            base: ``"module:attribute"`` of the class that entries from other packages must inherit from.
        """
        self.kind = kind
        self._builtin = dict(builtin or {})
        self._base = base
        self._loaded: dict[str, T] = {}
        self._unusable: set[str] = set()

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds an object under a name.

        Raises:
            CtrbenchError: the name cannot be part of a path.
            ValueError: the name is taken.
        """
        self._check_name(name)
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
        """Names of the entries that this package declares."""
        return list(self._builtin)

    def get(self, name: str) -> T:
        """The object of a name.

        Raises:
            CtrbenchError: nobody registered the name, two packages did, or the package that did cannot be imported or
                registers something else.
        """
        if name not in self._loaded:
            points = self._third_party().get(name, ())
            if len(points) + (name in self._builtin) > 1:
                owners = [*(["ctrbench"] if name in self._builtin else []), *map(_owner, points)]
                raise CtrbenchError(
                    f"{self.kind} {name!r}: registered by {' and '.join(owners)}; uninstall one, or change the name"
                )
            if name in self._builtin:
                self._loaded[name] = _resolved(self._builtin[name])
            elif points:
                self._loaded[name] = self._load(points[0])
            else:
                raise unknown(self.kind, name, self.names())
        return self._loaded[name]

    def usable(self) -> dict[str, T]:
        """Every name with its object, but for those that :meth:`get` refuses: whoever takes all there are is not
        disturbed by a package that is broken."""
        for name in self.names():
            if name not in self._loaded and name not in self._unusable:
                try:
                    self.get(name)
                except CtrbenchError:
                    self._unusable.add(name)
        return {name: self._loaded[name] for name in self.names() if name in self._loaded}

    def distribution(self, name: str) -> str | None:
        """Name and version of the distribution whose entry point registers a name; None for one registered in code."""
        points = self._third_party().get(name)
        if not points or name in self._builtin or points[0].dist is None:
            return None
        return _owner(points[0])

    def _check_name(self, name: str) -> None:
        check_name(self.kind, name)
        if name == ALL:
            raise CtrbenchError(
                f"no {self.kind} can be called {ALL!r}, which in recipes and options stands for every one"
            )

    def _load(self, point: EntryPoint) -> T:
        self._check_name(point.name)
        try:
            target = point.load()
        except (Exception, SystemExit) as error:
            # Another package's module may raise anything while it is imported.
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            raise self._broken(point, f"cannot be loaded ({cause})") from error
        base = _resolved(self._base) if self._base else None
        if base and not (isinstance(target, type) and issubclass(target, base)):
            raise self._broken(point, f"is no subclass of {base.__module__}.{base.__qualname__}")
        if not callable(target):
            raise self._broken(point, "is not a class or function")
        return cast(T, target)

    def _broken(self, point: EntryPoint, fault: str) -> CtrbenchError:
        owner = f" of {_owner(point)}" if point.dist else ""
        return CtrbenchError(
            f"{self.kind} {point.name!r}: the entry point {point.value}{owner} {fault}; mend or uninstall that package"
        )

    def _third_party(self) -> dict[str, tuple[EntryPoint, ...]]:
        return _entry_points(f"ctrbench.{self.kind}s", tuple(sys.path))


def _resolved(target: str) -> Any:
    module, attribute = target.split(":")
    return getattr(import_module(module), attribute)


def _owner(point: EntryPoint) -> str:
    """Name and version of the distribution of an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


@cache
def _entry_points(group: str, path: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:  # noqa: ARG001
    """Entry points by name, cached per path: finding them reads the metadata of every installed package."""
    found: dict[str, tuple[EntryPoint, ...]] = {}
    for point in entry_points(group=group):
        found[point.name] = (*found.get(point.name, ()), point)
    return found
