"""The defaults of every setting, in a file: identities hold only what differs from them.

``defaults.json`` is the golden file. A report reads it instead of the classes of backbones and methods, so that the
report needs neither torch nor a plug-in. ``python -m ctrbench.store.defaults`` rewrites the file; it refuses to change
a default in the file unless ``ALGORITHM_VERSION`` was counted up.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

from pydantic_core import to_jsonable_python

from ctrbench.errors import CtrbenchError
from ctrbench.files import replace_file
from ctrbench.registry import Registry
from ctrbench.store.identity import ALGORITHM_VERSION, Section, same
from ctrbench.strict import Strict

PATH = Path(__file__).with_name("defaults.json")


class Defaults(Strict):
    """Default of each setting."""

    algorithm_version: int
    data: dict[str, Any]
    training: dict[str, Any]
    backbones: dict[str, dict[str, Any]]
    """Name -> key -> value."""
    methods: dict[str, dict[str, Any]]

    def of(self, backbone: str, method: str) -> dict[Section, dict[str, Any]]:
        """The defaults by section, for a job on a backbone with a method.

        Raises:
            CtrbenchError: the file lacks the backbone or the method.
        """
        for kind, name, known in (("backbone", backbone, self.backbones), ("method", method, self.methods)):
            if name not in known:
                raise CtrbenchError(f"{kind} {name!r}: no defaults are known; install the package that registers it")
        return {
            "data": self.data,
            "training": self.training,
            "backbone": self.backbones[backbone],
            "method": self.methods[method],
        }

    def including(self, kind: str, name: str, settings: dict[str, Any]) -> Self:
        """A copy with the defaults of one more ``backbone`` or ``method``."""
        group = f"{kind}s"
        return self.model_copy(update={group: {**getattr(self, group), name: settings}})


@cache
def shipped_defaults() -> Defaults:
    """The defaults in the golden file."""
    return Defaults.model_validate_json(PATH.read_text("utf-8"))


def current_defaults(backbones: "Registry[Any]", methods: "Registry[Any]") -> Defaults:
    """The defaults in the settings classes of the built-in components."""
    from ctrbench.data.settings import DataSettings  # noqa: PLC0415 - a report needs none of the classes
    from ctrbench.training.settings import TrainingSettings  # noqa: PLC0415

    return Defaults(
        algorithm_version=ALGORITHM_VERSION,
        data=defaults_of(DataSettings),
        training=defaults_of(TrainingSettings),
        backbones={name: defaults_of(backbones.get(name).Settings) for name in backbones.builtin()},
        methods={name: defaults_of(methods.get(name).Settings) for name in methods.builtin()},
    )


def defaults_of(model: type[Strict]) -> dict[str, Any]:
    """Key -> default of a settings class; a required key has none."""
    return {
        key: to_jsonable_python(field.get_default(call_default_factory=True))
        for key, field in model.model_fields.items()
        if not field.is_required()
    }


def changed_defaults(golden: Defaults, current: Defaults) -> list[str]:
    """Paths of the settings of ``golden`` whose default differs in ``current``, or that ``current`` lacks."""
    known, found = _paths(golden), _paths(current)
    return [path for path, value in known.items() if path not in found or not same(found[path], value)]


def _paths(defaults: Defaults) -> dict[str, Any]:
    sections: dict[str, Mapping[str, Any]] = {"data": defaults.data, "training": defaults.training}
    sections |= {f"backbones.{name}": own for name, own in defaults.backbones.items()}
    sections |= {f"methods.{name}": own for name, own in defaults.methods.items()}
    return {f"{section}.{key}": value for section, own in sections.items() for key, value in own.items()}


def write_golden(golden: Defaults | None, current: Defaults, path: Path = PATH) -> None:
    """Writes ``current`` as the golden file.

    Raises:
        CtrbenchError: a default of ``golden`` changed and the algorithm version did not.
    """
    changed = changed_defaults(golden, current) if golden else []
    if golden and changed and current.algorithm_version == golden.algorithm_version:
        raise CtrbenchError(
            f"{', '.join(changed)}: a changed default changes the meaning of existing records; count up "
            "ALGORITHM_VERSION in ctrbench/store/identity.py"
        )
    replace_file(path, json.dumps(current.model_dump(mode="json"), indent=1) + "\n")


def main() -> None:
    """Writes the golden file from the classes."""
    from ctrbench.backbones import BACKBONES  # noqa: PLC0415
    from ctrbench.methods import METHODS  # noqa: PLC0415

    golden = Defaults.model_validate_json(PATH.read_text("utf-8")) if PATH.exists() else None
    try:
        write_golden(golden, current_defaults(BACKBONES, METHODS), PATH)
    except CtrbenchError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
