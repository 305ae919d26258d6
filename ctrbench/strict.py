"""The base of every typed document that this package reads: cards, recipes, settings, manifests, records."""

import json
import math
import tomllib
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from ctrbench.errors import CtrbenchError
from ctrbench.names import problem_of
from ctrbench.registry import unknown


class Strict(BaseModel):
    """Frozen; an unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @classmethod
    def read(cls, values: object, where: str, *, ours: bool = False) -> Self:
        """Validates a parsed document; ``where`` names it in the error. ``ours``: the package wrote it, so that types
        need no strict check, which takes longer.

        Raises:
            CtrbenchError: keys are unknown, missing or of the wrong type; it names all, and suggests known keys.
        """
        try:
            if ours or (text := _json(values)) is None:
                return cls.model_validate(values)
            # As JSON, where a list may stand for a tuple, but neither true nor "2" for a number.
            return cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise CtrbenchError(f"{where}: {'; '.join(_messages(error, cls))}") from None


def _json(values: object) -> str | None:
    """A document as JSON; None where it holds what JSON does not, such as a date: validation will name it."""

    def mapping(value: object) -> object:
        if isinstance(value, Mapping):
            return dict(value)
        raise TypeError

    try:
        return json.dumps(values, default=mapping)
    except TypeError:
        return None


def _messages(error: ValidationError, model: type[BaseModel]) -> list[str]:
    """One message for each place with errors: pydantic reports one error per type for a value that fits no type."""
    details = {_place(each["loc"], model): each for each in reversed(error.errors())}
    misspelt = any(each["type"] == "extra_forbidden" for each in details.values())
    # A misspelt key explains why a required one is missing.
    kept = [each for each in details.values() if not (misspelt and each["type"] == "missing")]
    return [_message(each, model) for each in reversed(kept)]


def _place(location: tuple[int | str, ...], model: type[BaseModel]) -> tuple[int | str, ...]:
    """The part of an error's location that names fields and places in lists, not types."""
    owner: type[BaseModel] | None = model
    for depth, part in enumerate(location):
        if isinstance(part, str) and owner is not None:
            if part not in owner.model_fields:
                return location[: depth + 1]
            owner = _model_in(owner.model_fields[part].annotation)
        elif isinstance(part, str):
            return location[:depth]
    return location


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    # A bad key of a table is located by itself and this mark; its message names it.
    location = detail["loc"][:-2] if detail["loc"][-1:] == ("[key]",) else detail["loc"]
    path = ".".join(map(_shown, location))
    if detail["type"] == "extra_forbidden":
        owner = model
        for part in map(str, detail["loc"][:-1]):
            # A part that is not a field is a key of a table or an index of a list: the entry's model owns it.
            if part in owner.model_fields:
                owner = _model_in(owner.model_fields[part].annotation) or owner
        section = path.removesuffix(_shown(detail["loc"][-1]))
        return str(unknown("key", path, [section + field for field in owner.model_fields]))
    message = detail["msg"].removeprefix("Value error, ")
    for json_name, name in (("an object", "a table"), ("a valid array", "a list")):
        message = message.replace(f"should be {json_name}", f"should be {name}")
    place = f"{path}: " if path else ""
    got = "" if detail["type"] in ("value_error", "missing") else f" (got {detail.get('input')!r:.60})"
    return f"{place}{message[0].lower()}{message[1:]}{got}"


def _shown(part: int | str) -> str:
    text = str(part)
    return text if text.isprintable() and len(text) <= 100 else f"{text!r:.100}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)


def is_plain(value: object) -> bool:
    """Whether JSON can hold a value of a TOML document, which may also have dates and infinite numbers."""
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(is_plain, value))
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, str | int)


def parse_assignment(text: str) -> tuple[str, Any]:
    """Parses ``PATH=VALUE`` of ``--set`` and of changed datasets' names; a VALUE that is not TOML is a string.

    Raises:
        CtrbenchError: the text has no ``=``.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise CtrbenchError(f"{text}: want PATH=VALUE, such as training.batch_size=2048")
    try:
        return path.strip(), tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        return path.strip(), value


def _valid(kind: str, name: str) -> str:
    if problem := problem_of(kind, name):
        raise ValueError(problem)
    return name


# Names that a document may hold; ctrbench.names has the rules.
DatasetName = Annotated[str, AfterValidator(partial(_valid, "dataset"))]
FieldName = Annotated[str, AfterValidator(partial(_valid, "field or cohort"))]
FileName = Annotated[str, AfterValidator(partial(_valid, "file"))]
RecipeName = Annotated[str, AfterValidator(partial(_valid, "recipe"))]
VariantName = Annotated[str, AfterValidator(partial(_valid, "variant"))]
ComponentName = Annotated[str, AfterValidator(partial(_valid, "backbone or method"))]
