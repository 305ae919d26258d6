"""Anyone's own interactions: one CSV or Parquet file whose columns the card names."""

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from ctrbench.data.schema import Manifest, Source
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.assemble import assemble
from ctrbench.prepare.card import RESERVED, Card
from ctrbench.prepare.formats import Request
from ctrbench.prepare.raw import Raw
from ctrbench.registry import unknown
from ctrbench.strict import Strict


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    user: str = "user"
    """Column of the user; any text or number."""
    item: str = "item"
    """Column of the item; any text or number."""
    time: str = "time"
    """Column of the time: seconds since 1970, or an ISO date or date and time (UTC where it says nothing)."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Label -> column of 0 and 1; the first is the click. None: every row is a click, and negatives are sampled."""


def prepare(request: Request) -> Manifest:
    """The format ``table``."""
    card = request.card
    options = Options.read(card.options, f"{card.name}: options")
    for label in options.labels:
        if label in RESERVED or label in {column.name for column in (*card.fields, *card.cohorts)}:
            raise CtrbenchError(f"{card.name}: options.labels: the name {label!r} is taken; choose another")
    path = request.only_file()
    return assemble(request, raw_of(card, options, read(path), path.name))


def read(path: Path) -> pd.DataFrame:
    """All columns of a CSV (texts, a missing value is None) or Parquet file (its own types).

    Raises:
        CtrbenchError: the file is empty, damaged, or neither of the two.
    """
    try:
        if path.suffix == ".parquet":
            return pq.read_table(path).to_pandas()
        return pd.read_csv(path, dtype=str, keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except (ValueError, OSError, EOFError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise CtrbenchError(f"{path}: cannot be read as CSV or Parquet ({reason}); mend the file") from None


def raw_of(card: Card, options: Options, table: pd.DataFrame, file: str) -> Raw:
    """The interactions of a table, and the items and users with their columns.

    Raises:
        CtrbenchError: a column named on the card is not there, a time is no time, or an item or user has two values of
            a column that should have one.
    """
    columns = {(column.raw_source, column.raw_column) for column in (*card.fields, *card.cohorts)}
    named = {"user": options.user, "item": options.item, "time": options.time, **options.labels}
    for name in (*named.values(), *(name for _, name in sorted(columns))):
        if name not in table:
            raise CtrbenchError(f"{file}: {unknown('column', name, map(str, table.columns))}; mend the card")
    first_line = 1 if file.endswith(".parquet") else 2
    interactions = pd.DataFrame(
        {
            "user": table[options.user],
            "item": table[options.item],
            "time": seconds(table[options.time]),
            "line": np.arange(first_line, first_line + len(table)),
            **{label: pd.to_numeric(table[column], errors="coerce") for label, column in options.labels.items()},
        }
    )
    by_source = {source: sorted({name for of, name in columns if of == source}) for source in get_args(Source)}
    attributes: dict[Source, pd.DataFrame] = {
        "user": one_per_key(table, options.user, by_source["user"], file),
        "item": one_per_key(table, options.item, by_source["item"], file),
        "row": table[by_source["row"]],
    }
    return Raw(interactions=interactions, attributes=attributes, labels=tuple(options.labels), file=file)


def seconds(raw: pd.Series) -> pd.Series:
    """Times in seconds since 1970; what is no time is NaN."""
    # A datetime is converted to nanoseconds where a number is asked for.
    text = raw.astype(str) if pd.api.types.is_datetime64_any_dtype(raw) else raw
    numbers = pd.to_numeric(text, errors="coerce").astype(np.float64)
    moments = pd.to_datetime(text[numbers.isna()].astype(str), format="ISO8601", utc=True, errors="coerce")
    return numbers.fillna((moments - pd.Timestamp(0, tz="UTC")).dt.total_seconds())


def one_per_key(table: pd.DataFrame, key: str, columns: list[str], file: str) -> pd.DataFrame:
    """The columns' values by key, missing ones aside.

    Raises:
        CtrbenchError: a key has two values of a column.
    """
    groups = table.groupby(key, sort=False)
    for column in columns:
        several = groups[column].nunique() > 1
        if several.any():
            raise CtrbenchError(
                f"{file}: {key} {several.idxmax()!r} has several values of {column!r}; declare it source = "
                f'"row" on the card'
            )
    return groups[columns].first() if columns else pd.DataFrame(index=pd.Index(table[key].unique()))
