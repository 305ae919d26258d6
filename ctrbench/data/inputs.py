"""What a backbone reads: the fields that a run names, and which of them describe the item."""

from dataclasses import dataclass

from ctrbench.data.schema import Field, Manifest, Source
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
            CtrbenchError: a field is unknown or named twice, or the item is missing.
        """
        if len(set(names)) != len(names) or "item" not in names:
            raise CtrbenchError(f"data.fields: name 'item' and every other field once (got {', '.join(names)})")
        fields = tuple(manifest.field(name) for name in names)
        item_side = tuple(i for i, field in enumerate(fields) if field.source == "item")
        return cls(fields, item_side)

    def column(self, name: str) -> int:
        """The column of ``ids`` that holds a field of the run."""
        return [field.name for field in self.fields].index(name)

    @property
    def item_in_history(self) -> int:
        """The column of ``history`` that holds the item itself."""
        return self.item_side.index(self.column("item"))

    def of_source(self, source: Source) -> tuple[int, ...]:
        """The columns of ``ids`` that describe the user, the item or the row."""
        return tuple(i for i, field in enumerate(self.fields) if field.source == source)
