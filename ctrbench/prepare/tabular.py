"""One CSV or Parquet file: the columns that a card names, read exactly as written, or refused with the line's number.

Source: RFC 4180 for CSV. pandas reads the values; before that, the standard library's strict reader makes sure that
every row has as many values as the header.
"""

import bz2
import contextlib
import csv
import gzip
import lzma
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.problems import Problems
from ctrbench.registry import unknown

Quotes = Literal["one-line", "multi-line", "none"]
Blanks = Literal["refuse", "strip"]

MAGIC = b"PAR1"
"""First bytes of a Parquet file, whatever its name."""

OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
"""Ending of a compressed CSV's name -> function that opens the file."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The requested columns that a file has."""

    file: str
    """Name of the file, for errors."""
    values: pd.DataFrame
    """One row per row of the file, in its order; a missing value or an empty text is None or NaN."""
    line: NDArray[np.int64]
    """(R,) position of each row in the file: its first line in a CSV, its number from 1 in a Parquet file."""


def read(
    path: Path,
    wanted: Sequence[str],
    problems: Problems,
    *,
    quotes: Quotes = "one-line",
    blanks: Blanks = "refuse",
) -> Table:
    """The wanted columns, CSV values as texts and Parquet values in the types of the file.

    Args:
        path: the file.
        wanted: names of columns.
        problems: collects the columns that are missing, doubled, nested or padded with spaces; they are left out.
        quotes: the card's rule for quotation marks in a CSV.
        blanks: the card's rule for spaces around values.

    Raises:
        CtrbenchError: the file is empty, damaged, neither CSV nor Parquet, or a line does not fit the header.
    """
    try:
        reader = _read_parquet if _is_parquet(path) else _read_csv
        return _without_blanks(reader(path, list(dict.fromkeys(wanted)), problems, quotes, blanks), problems, blanks)
    except (ValueError, OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise CtrbenchError(f"{path}: cannot be read as CSV or Parquet ({reason}); mend the file") from None


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC or path.suffix.lower() in (".parquet", ".pq")


def _present(path: Path, wanted: list[str], columns: list[str], problems: Problems) -> list[str]:
    for name in wanted:
        if name not in columns:
            problems.add(f"{path.name}: {unknown('column', name, columns)}; mend the card")
        elif columns.count(name) > 1:
            problems.add(f"{path.name}: two columns are called {name!r}; rename one in the file")
    return [name for name in wanted if columns.count(name) == 1]


def _read_parquet(path: Path, wanted: list[str], problems: Problems, _quotes: Quotes, _blanks: Blanks) -> Table:
    file = pq.ParquetFile(path)
    present = _present(path, wanted, file.schema_arrow.names, problems)
    nested = {name for name in present if pa.types.is_nested(file.schema_arrow.field(name).type)}
    for name in sorted(nested):
        problems.add(
            f"{path.name}: column {name!r} holds lists or structures, not one value a row; make a column of each part"
        )
    kept = [name for name in present if name not in nested]
    table = file.read(columns=kept)
    count = file.metadata.num_rows
    # A stored index is read as an ordinary column: as an index it may repeat, and values would land on wrong rows.
    values = {name: _plain(table[name]).to_pandas(integer_object_nulls=True) for name in kept}
    line = np.arange(1, count + 1)
    return Table(file=path.name, values=pd.DataFrame(values, index=pd.RangeIndex(count)), line=line)


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values without encoding; an empty text is missing, as in a CSV."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column = column.cast(pa.string())
    if pa.types.is_string_view(column.type) or pa.types.is_binary_view(column.type):
        column = column.cast(pa.large_string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.if_else(pc.equal(column, ""), pa.scalar(None, column.type), column)
    return column


def _read_csv(path: Path, wanted: list[str], problems: Problems, quotes: Quotes, blanks: Blanks) -> Table:
    dialect: dict[str, Any] = {
        "quoting": csv.QUOTE_NONE if quotes == "none" else csv.QUOTE_MINIMAL,
        "skipinitialspace": blanks == "strip",
    }
    header, line = _checked_lines(path, dialect, one_line=quotes == "one-line")
    columns = [name.strip() for name in header] if blanks == "strip" else header
    for name in wanted:
        padded = [each for each in columns if each != name and each.strip() == name]
        if name not in columns and padded:
            problems.add(_blanks_message(f"{path.name}, line 1", f"the column name {padded[0]!r}"))
            columns = [name if each == padded[0] else each for each in columns]
    present = _present(path, wanted, columns, problems)
    places = sorted(columns.index(name) for name in present)
    with _text(path) as file:
        values = pd.read_csv(
            file, dtype=str, keep_default_na=False, na_values=[""], usecols=places, index_col=False, **dialect
        )
    values.columns = pd.Index([columns[place] for place in places])
    if places and len(values) != len(line):
        raise ValueError(f"{len(line):,} lines make {len(values):,} rows")
    return Table(file=path.name, values=values, line=line)


@contextlib.contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    opener: Any = OPENERS.get(path.suffix.lower(), open)
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        yield file


def _checked_lines(path: Path, dialect: dict[str, Any], *, one_line: bool) -> tuple[list[str], NDArray[np.int64]]:
    """The header, and the line (R,) at which each row begins; blank lines are not rows.

    Raises:
        CtrbenchError: a row has more or fewer values than the header, spans lines where ``one_line`` forbids it, or has
            a lone quotation mark.
    """
    starts = array("q")
    with _text(path) as file:
        reader = csv.reader(file, strict=True, **dialect)
        before = 0
        try:
            header = next((record for record in reader if record), None)
            if header is None:
                raise ValueError("the file is empty")
            before = reader.line_num
            for record in reader:
                if one_line and reader.line_num > before + 1:
                    raise csv.Error(f"a quotation mark opens on this line and closes on line {reader.line_num}")
                if record:
                    if len(record) != len(header):
                        raise CtrbenchError(
                            f"{path.name}, line {before + 1}: {len(record)} values, but the header has {len(header)}; "
                            "mend the line (a comma within a value needs quotation marks around it, and a comma at the "
                            "end makes another value)"
                        )
                    starts.append(before + 1)
                before = reader.line_num
        except csv.Error as error:
            raise CtrbenchError(
                f'{path.name}, line {before + 1}: {error}; mend the line, or set options.quotes on the card: "none" '
                'reads quotation marks as ordinary characters, "multi-line" lets a value span lines'
            ) from None
    return header, np.array(starts, np.int64)


def _without_blanks(table: Table, problems: Problems, blanks: Blanks) -> Table:
    """The table with the spaces around its texts stripped; under ``refuse`` they are added to the problems."""
    values, padded = table.values.copy(), {}
    for name in values.columns:
        known = values[name].dropna()
        if known.empty or not pd.api.types.is_string_dtype(known):
            continue
        stripped = known.str.strip()
        changed = stripped != known
        if changed.any() and blanks == "refuse":
            padded[name] = known[changed]
        elif changed.any():
            values[name] = stripped.where(stripped != "").reindex(values.index)
    if padded:
        name, found = next(iter(padded.items()))
        place = f"{table.file}, line {table.line[found.index[0]]}"
        what = f"{found.iloc[0]!r} in column {name!r} (columns {', '.join(padded)})"
        problems.add(_blanks_message(place, what))
    return Table(file=table.file, values=values, line=table.line)


def _blanks_message(place: str, what: str) -> str:
    return f'{place}: spaces around {what}; mend the file, or set options.blanks = "strip" on the card'
