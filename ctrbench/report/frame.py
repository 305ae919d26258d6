"""The numbers of a view: a small typed table that every format can write. No pandas.

Shape: R rows, C columns.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from ctrbench.metrics.significance import Interval

if TYPE_CHECKING:
    import pandas as pd

DASH = "-"
LOW, HIGH = "_low", "_high"
"""How the names of the columns with the two ends of an interval end."""
"""Shown for an undefined value: a group of one class, a spread of one seed, a verdict without a published value."""


class Level(NamedTuple):
    """A mean over seeds and its sample standard deviation."""

    mean: float
    deviation: float | None


Value = str | int | float | bool | Level | Interval | None
"""Value of a table's cell; None if it is undefined."""


@dataclass(frozen=True)
class Column:
    """A column of a frame."""

    name: str
    """Heading."""
    form: str = ""
    """Format specification of the column's numbers, such as ``+.4f``; empty: as they are."""
    suffix: str = ""
    """Unit after each number."""
    is_key: bool = False
    """Whether the column names the rows; such columns come first."""
    is_probability: bool = False
    """Whether small values are shown as ``< 0.001``."""

    def text(self, value: Value) -> str:
        """A value as tables for reading show it."""
        if value is None or value == "":
            return DASH
        if isinstance(value, Interval):
            return f"[{self._number(value.low)}, {self._number(value.high)}]"
        if isinstance(value, Level):
            spread = "" if value.deviation is None else f" ± {self._number(value.deviation)}"
            return self._number(value.mean) + spread
        if isinstance(value, float):
            return "< 0.001" if self.is_probability and value < 0.001 else self._number(value) + self.suffix
        return str(value)

    def _number(self, value: float) -> str:
        return format(value, self.form) if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Frame:
    """C columns and R rows of values."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    @classmethod
    def of(cls, names: Sequence[str], rows: Iterable[Sequence[Value]]) -> Self:
        """A frame of plain values, shown with four digits; its leading columns of text name its rows."""
        found = tuple(tuple(row) for row in rows)
        texts = [all(isinstance(row[place], str) for row in found) for place in range(len(names))]
        keys = max(1, texts.index(False) if False in texts else len(texts))
        columns = (Column(name, form=".4g", is_key=place < keys) for place, name in enumerate(names))
        return cls(tuple(columns), found)

    @property
    def names(self) -> tuple[str, ...]:
        """The headings."""
        return tuple(column.name for column in self.columns)

    @property
    def keys(self) -> int:
        """The number of leading columns that name a row."""
        return sum(column.is_key for column in self.columns)

    def texts(self) -> list[tuple[str, ...]]:
        """The rows as tables for reading show them."""
        return [tuple(c.text(value) for c, value in zip(self.columns, row, strict=True)) for row in self.rows]

    def records(self) -> Iterator[dict[str, Value]]:
        """Each row by column."""
        return (dict(zip(self.names, row, strict=True)) for row in self.rows)

    def column(self, name: str) -> list[Any]:
        """The values of one column (R)."""
        place = self.names.index(name)
        return [row[place] for row in self.rows]

    def only(self, names: Iterable[str]) -> Self:
        """The named columns, in the given order."""
        places = [self.names.index(name) for name in names]
        columns = tuple(self.columns[place] for place in places)
        return replace(self, columns=columns, rows=tuple(tuple(row[p] for p in places) for row in self.rows))

    def without(self, *names: str) -> Self:
        """All columns except the named ones."""
        return self.only(name for name in self.names if name not in names)

    def renewed(self) -> Self:
        """The same values; the leading columns of text name the rows, as in :meth:`of`."""
        return type(self).of(self.names, self.rows)

    def where(self, **values: Sequence[Value]) -> Self:
        """The rows that have one of the given values in each column named."""
        kept = [
            row
            for row, record in zip(self.rows, self.records(), strict=True)
            if all(record[name] in wanted for name, wanted in values.items())
        ]
        return replace(self, rows=tuple(kept))

    def without_empty_columns(self) -> Self:
        """The frame without the columns that have no value, such as the intervals of one seed."""
        empty = [
            column.name
            for place, column in enumerate(self.columns)
            if not column.is_key and all(row[place] is None for row in self.rows)
        ]
        return self.without(*empty)

    def with_intervals(self) -> Self:
        """The frame for reading: columns ``X_low`` and ``X_high`` become one, and underscores become spaces."""
        columns, rows = [], [list[Value]() for _ in self.rows]
        values = [column.name for column in self.columns if not column.is_key]
        highs = {
            name: name.removesuffix(LOW) + HIGH
            for name in values
            if name.endswith(LOW) and name.removesuffix(LOW) + HIGH in values
        }
        for place, column in enumerate(self.columns):
            if column.name in highs.values():
                continue
            ends = column.name in highs
            name = column.name.removesuffix(LOW) + " 95 %" if ends else column.name
            columns.append(replace(column, name=name.replace("_", " ")))
            high = self.names.index(highs[column.name]) if ends else place
            for new, row in zip(rows, self.rows, strict=True):
                new.append(_interval(row[place], row[high]) if ends else row[place])
        return replace(self, columns=tuple(columns), rows=tuple(map(tuple, rows)))

    def pandas(self) -> "pd.DataFrame":
        """The pandas frame for drawing; an undefined value is NaN in a column of numbers."""
        import pandas as pd  # noqa: PLC0415 - slow to import, and only a drawing needs it

        own = {name: self.column(name) for name in self.names}
        types = {name: float if all(value is None for value in values) else None for name, values in own.items()}
        return pd.DataFrame({name: pd.Series(values, dtype=types[name]) for name, values in own.items()})


def stacked(names: Sequence[str], records: Iterable[Mapping[str, Value]]) -> Frame:
    """A frame of records of different kinds, one below the other; a value that a record lacks is undefined."""
    return Frame.of(names, ([record.get(name) for name in names] for record in records))


def _interval(low: Value, high: Value) -> Interval | None:
    return Interval(low, high) if isinstance(low, float) and isinstance(high, float) else None
