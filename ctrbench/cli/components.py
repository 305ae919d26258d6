"""What the command line says about a registered component, built in or not."""

import sys
from collections.abc import Iterator
from typing import Any

from ctrbench.errors import CtrbenchError
from ctrbench.registry import Registry

KINDS = ("method", "backbone", "metric", "view")


def registry_of(kind: str) -> "Registry[Any]":
    """The registry of a kind of component."""
    from ctrbench.backbones import BACKBONES
    from ctrbench.methods import METHODS
    from ctrbench.metrics import METRICS
    from ctrbench.report.views import VIEWS

    registries: dict[str, Registry[Any]] = {"method": METHODS, "backbone": BACKBONES, "metric": METRICS, "view": VIEWS}
    return registries[kind]


def summary_of(registry: "Registry[Any]", name: str) -> str:
    """The first paragraph of a component's documentation, or why the component cannot be imported."""
    try:
        component = registry.get(name)
    except CtrbenchError as error:
        return str(error)
    module = sys.modules.get(getattr(component, "__module__", ""))
    for text in (getattr(module, "__doc__", None), getattr(component, "__doc__", None)):
        if text and text.strip():
            return " ".join(str(text).strip().split("\n\n")[0].split())
    return "no documentation"


def describe(kind: str, name: str) -> Iterator[str]:
    """Everything that is known about a component, line by line.

    Raises:
        CtrbenchError: the component cannot be imported.
    """
    registry = registry_of(kind)
    component = registry.get(name)
    yield f"{name}: {summary_of(registry, name)}"
    for key in ("paper", "source", "label", "direction", "reading"):
        if isinstance(value := getattr(component, key, None), str):
            yield f"{key}: {value}"
    if distribution := registry.distribution(name):
        yield f"from: {distribution}"
    settings = getattr(component, "Settings", None) or getattr(component, "Options", None)
    if settings is None:
        return
    yield "settings:" if settings.model_fields else "settings: none"
    for key, field in settings.model_fields.items():
        annotation = field.annotation
        plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
        kind_of_value = annotation.__name__ if plain else annotation
        default = "required" if field.is_required() else repr(field.get_default(call_default_factory=True))
        yield f"  {key}: {kind_of_value} = {default}"
        if field.description:
            yield f"      {' '.join(field.description.split())}"
