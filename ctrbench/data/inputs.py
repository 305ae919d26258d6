"""What a backbone reads: the fields that a run names, and which of them describe the item."""

from dataclasses import dataclass

from ctrbench.data.schema import Field, Manifest
from ctrbench.errors import CtrbenchError


@dataclass(frozen=True)
class Inputs:
    """The columns of ``Batch.ids`` and ``Batch.history``."""

    fields: tuple[Field, ...]
    """The F columns of ``ids``."""
    item_side: tuple[int, ...]
    """Positions in ``fields`` of the G columns of ``history``: the item and its fields."""

    @classmethod
    def of(cls, manifest: Manifest, names: tuple[str, ...]) -> "Inputs":
        """The inputs named by a run.

        Raises:
            CtrbenchError: a field is unknown, named twice, or the item is missing.
        """
        if len(set(names)) != len(names) or "item" not in names:
            raise CtrbenchError(f"data.fields: name 'item' and every other field once (got {', '.join(names)})")
        fields = tuple(manifest.field(name) for name in names)
        item_side = tuple(i for i, field in enumerate(fields) if field.source == "item")
        return cls(fields, item_side)
