"""The base of every typed document that this package reads: cards, recipes, settings, manifests, records."""

import tomllib
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown


class Strict(BaseModel):
    """Frozen; an unknown key is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    @classmethod
    def read(cls, values: object, where: str) -> Self:
        """Validates a parsed document; ``where`` names it in the error.

        Raises:
            CtrbenchError: a key is unknown (with the nearest known one), missing, or of another type.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise CtrbenchError(f"{where}: {_first(error, cls)}") from None


def _first(error: ValidationError, model: type[BaseModel]) -> str:
    details = error.errors()
    # A misspelt key comes before the required one that it should have been.
    detail = next((each for each in details if each["type"] == "extra_forbidden"), details[0])
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        owner = model
        for part in map(str, detail["loc"][:-1]):
            # A part that is no field is a key of a table or a place in a list: its owner is the entry's model.
            if part in owner.model_fields:
                owner = _model_in(owner.model_fields[part].annotation) or owner
        section = path.removesuffix(str(detail["loc"][-1]))
        return str(unknown("key", path, [section + field for field in owner.model_fields]))
    message = detail["msg"].removeprefix("Value error, ")
    place = f"{path}: " if path else ""
    got = "" if detail["type"] == "value_error" else f" (got {detail.get('input')!r:.60})"
    return f"{place}{message[0].lower()}{message[1:]}{got}"


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for argument in get_args(annotation) if (model := _model_in(argument))), None)


def parse_assignment(text: str) -> tuple[str, Any]:
    """``PATH=VALUE``, as ``--set`` and the names of changed datasets have it; a VALUE that is not TOML is a string.

    Raises:
        CtrbenchError: there is no ``=``.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise CtrbenchError(f"{text}: want PATH=VALUE, such as training.batch_size=2048")
    try:
        return path.strip(), tomllib.loads(f"value = {value}")["value"]
    except ValueError:
        return path.strip(), value
