"""The base of every typed document that this package reads: cards, recipes, settings, manifests, records."""

from typing import Self

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
    detail = error.errors()[0]
    path = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        owner: type[BaseModel] | None = model
        for part in detail["loc"][:-1]:
            annotation = owner.model_fields[str(part)].annotation if owner and str(part) in owner.model_fields else None
            owner = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
        return str(unknown("key", path, owner.model_fields if owner else ()))
    return f"{path}: {detail['msg'][0].lower()}{detail['msg'][1:]} (got {detail.get('input')!r:.60})"
