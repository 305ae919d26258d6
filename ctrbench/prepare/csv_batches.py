"""A large CSV in batches of typed columns, or a refusal that names the file, the line and the column.

Source: RFC 4180 without quotation marks, read by pyarrow's streaming reader. Lines may end in CR LF.

Shape: N rows of a batch; a row is a line.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError

BLOCK = 1 << 25
"""Bytes of a batch: 32 MiB."""

WHOLE, NUMBER, TEXT, BYTES = pa.int64(), pa.float32(), pa.string(), pa.binary()
KINDS = {WHOLE: "a whole number", NUMBER: "a number", TEXT: "text in UTF-8", BYTES: "a value"}

UNREADABLE = re.compile(
    r"In CSV column #(\d+): Row #(\d+): CSV conversion error [^:]+: (?:invalid value '(.*)')?", re.S
)
UNFIT = re.compile(r"CSV parse error: Row #(\d+): Expected (\d+) columns, got (\d+)")
"""pyarrow's messages; it numbers the rows of a file where it reads with one thread."""


@dataclass(frozen=True)
class Batch:
    """Consecutive lines of a file."""

    file: str
    """Name of the file, for errors."""
    line: int
    """Line of the first row, from 1."""
    columns: pa.RecordBatch
    """The requested columns; a number is finite, and only a text may be missing or empty."""

    def refuse(self, bad: NDArray[np.bool_], column: str, what: str) -> None:
        """Refuses the batch if a flag of ``bad`` (N,) is set; names the first such line.

        Raises:
            CtrbenchError: a flag is set.
        """
        if bad.any():
            raise refusal(self.file, self.line + int(bad.argmax()), what, column)

    def ids(self, name: str) -> NDArray[np.int64]:
        """Whole numbers (N,) that name something.

        Raises:
            CtrbenchError: one is negative.
        """
        values = self.columns[name].to_numpy()
        self.refuse(values < 0, name, "the value is negative")
        return values

    def label(self, name: str) -> NDArray[np.int8]:
        """A label (N,).

        Raises:
            CtrbenchError: a value is neither 0 nor 1.
        """
        values = self.columns[name].to_numpy()
        self.refuse((values != 0) & (values != 1), name, "the label is neither 0 nor 1")
        return values.astype(np.int8)


def refusal(file: str, line: int, what: str, column: str | None = None) -> CtrbenchError:
    """The error of a place in a file."""
    place = f"{file}, line {line}" + (f", column {column!r}" if column else "")
    return CtrbenchError(f"{place}: {what}; mend the file, or get it again")


def read(path: Path, types: Mapping[str, pa.DataType], *, names: Sequence[str] = ()) -> Iterator[Batch]:
    """Reads some columns of a file, in the order of ``types``.

    Args:
        path: the file.
        types: column -> one of :data:`KINDS`.
        names: names of all columns of a file without a header; left out, the first line has the names.

    Raises:
        CtrbenchError: the file cannot be read or has no row, a column is missing, a line has more or fewer values than
            there are columns, or a value is missing or of another type.
    """
    columns = list(names) or _header(path, types)
    line = 1 if names else 2
    found = False
    try:
        with pa.csv.open_csv(
            str(path),
            # With several threads, pyarrow does not know in which line an error is.
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=BLOCK, column_names=list(names) or None),
            parse_options=pa.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=pa.csv.ConvertOptions(column_types=types, include_columns=list(types), null_values=[""]),
        ) as reader:
            for read_columns in reader:
                batch = Batch(path.name, line, read_columns)
                _refuse_missing(batch)
                found = found or read_columns.num_rows > 0
                line += read_columns.num_rows
                yield batch
    except (pa.ArrowException, OSError) as error:
        raise _explained(error, path.name, columns, types) from None
    if not found:
        raise CtrbenchError(f"{path.name}: the file has no rows; pass the right file by --source")


def _header(path: Path, types: Mapping[str, pa.DataType]) -> list[str]:
    try:
        with path.open("rb") as file:
            columns = file.readline().decode("utf-8-sig").rstrip("\r\n").split(",")
    except (OSError, UnicodeDecodeError) as error:
        raise CtrbenchError(f"{path.name}: cannot be read as CSV ({error}); get the file again") from None
    for name in types:
        if columns.count(name) != 1:
            what = "two columns are called" if name in columns else "no column"
            raise CtrbenchError(f"{path.name}, line 1: {what} {name!r}; pass the right file by --source")
    return columns


def _refuse_missing(batch: Batch) -> None:
    for name, column in zip(batch.columns.schema.names, batch.columns.columns, strict=True):
        if pa.types.is_floating(column.type):
            finite = pc.fill_null(pc.is_finite(column), False)
            batch.refuse(~finite.to_numpy(zero_copy_only=False), name, "the number is missing or not finite")
        elif column.null_count:
            batch.refuse(column.is_null().to_numpy(zero_copy_only=False), name, "the value is missing")


def _explained(error: Exception, file: str, columns: Sequence[str], types: Mapping[str, pa.DataType]) -> CtrbenchError:
    text = str(error)
    if found := UNREADABLE.match(text):
        name = columns[int(found[1])]
        kind = KINDS[types[name]]
        shown = f"{found[3]!r:.60} is" if found[3] is not None else "the value is"
        return refusal(file, int(found[2]), f"{shown} not {kind}", name)
    if found := UNFIT.match(text):
        return refusal(file, int(found[1]), f"{found[3]} values for {found[2]} columns (is the line cut off?)")
    reason = (text.splitlines() or [type(error).__name__])[0]
    return CtrbenchError(f"{file}: cannot be read as CSV ({reason}); get the file again")
