"""A user's own interactions: one CSV or Parquet file whose columns the card names.

All mismatches between card and file are reported together (:class:`ctrbench.prepare.problems.Problems`).
"""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pandas as pd
from pydantic import AfterValidator, Field

from ctrbench.data.schema import Manifest, Source
from ctrbench.errors import CtrbenchError
from ctrbench.names import problem_of
from ctrbench.prepare.assemble import assemble, encode, observe
from ctrbench.prepare.card import RESERVED, Card, ColumnSettings
from ctrbench.prepare.formats import Request
from ctrbench.prepare.problems import Problems
from ctrbench.prepare.raw import Raw
from ctrbench.prepare.split import DAY
from ctrbench.prepare.tabular import Blanks, Quotes, Table, read
from ctrbench.prepare.times import UNITS, seconds
from ctrbench.strict import Strict


def _time_format(value: str | None) -> str | None:
    if value is not None and value not in UNITS and "%" not in value:
        raise ValueError(f"{value!r} is neither {' nor '.join(UNITS)} nor a format such as %Y%m%d")
    return value


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    user: str = "user"
    """Column of the user; any text or number."""
    item: str = "item"
    """Column of the item; any text or number."""
    time: str = "time"
    """Column of the time."""
    time_format: Annotated[str | None, AfterValidator(_time_format)] = None
    """How the time is written: ``seconds`` or ``milliseconds`` since 1970, or a format such as ``%Y%m%d%H`` (UTC unless
    the format has a time zone). None: seconds since 1970, or an ISO date or date and time; dates written as numbers are
    refused."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Label -> column of 0 and 1; the first is the click. None: every row is a click, and negatives are sampled."""
    quotes: Quotes = "one-line"
    """Quotation marks in a CSV. ``one-line``: they enclose a value, and a value that does not close on its line is
    refused; ``multi-line``: a quoted value may span lines; ``none``: they are ordinary characters."""
    blanks: Blanks = "refuse"
    """Whether spaces around a value or a column's name are an error, or stripped."""


def prepare(request: Request) -> Manifest:
    """The format ``table``.

    Raises:
        CtrbenchError: the card does not fit the file; the error names every mismatch.
    """
    card = request.card
    options = Options.read(card.options, f"{card.name}: options")
    problems = Problems(card.name)
    for problem in _problems_of_names(card, options):
        problems.add(problem)
    own = {"user": options.user, "item": options.item, "time": options.time}
    columns = [settings.raw_column for settings in (*card.fields, *card.cohorts)]
    wanted = [*own.values(), *options.labels.values(), *columns]
    table = read(request.only_file(), wanted, problems, quotes=options.quotes, blanks=options.blanks)
    raw = raw_of(card, options, table, problems)
    if problems:
        if raw:
            _look_ahead(card, raw, problems)
        problems.refuse()
    assert raw is not None  # a missing column is a problem
    return assemble(request, raw)


def _problems_of_names(card: Card, options: Options) -> Iterator[str]:
    """Problems of labels whose names are taken or invalid, and of fields that are made of a label's column."""
    taken = {column.name for column in (*card.fields, *card.cohorts)}
    for label in options.labels:
        if problem := problem_of("label", label):
            yield f"{card.name}: options.labels: {problem}"
        if label in RESERVED or label in taken:
            yield f"{card.name}: options.labels: the name {label!r} is taken; choose another"
    of_label = {column: label for label, column in options.labels.items()}
    for field in card.fields:
        if field.raw_column in of_label:
            label = of_label[field.raw_column]
            yield (
                f"{card.name}: field {field.name!r} is made of column {field.raw_column!r}, which is the label "
                f"{label!r}: a model would read what it should predict; leave the field out"
            )
    own = (options.user, options.item, options.time, *options.labels.values())
    for column in dict.fromkeys(name for name in own if own.count(name) > 1):
        yield f"{card.name}: options: column {column!r} is named twice; name another column for one of the two"


def raw_of(card: Card, options: Options, table: Table, problems: Problems) -> Raw | None:
    """The interactions of a table, and the items and users with their columns; None without users, items and times.

    Args:
        card: card of the dataset.
        options: options of the card.
        table: values of the file.
        problems: collects a time that cannot be read, and an item or user with two values in a column that should have
            one.
    """
    values = table.values
    if options.time not in values:
        return None
    time: pd.Series[float] | None = None
    with problems.collecting():
        time = seconds(
            pd.DataFrame({"time": values[options.time], "line": table.line}), table.file, options.time_format
        )
    if time is None:
        return None
    if not {options.user, options.item} <= set(values.columns):
        with problems.collecting():
            _refuse_too_few_days(card, time)
        return None
    labels = {label: column for label, column in options.labels.items() if column in values}
    interactions = pd.DataFrame(
        {
            "user": values[options.user],
            "item": values[options.item],
            "time": time,
            "line": table.line,
            **{label: pd.to_numeric(values[column], errors="coerce") for label, column in labels.items()},
        }
    )
    keys = {"user": options.user, "item": options.item}
    attributes: dict[Source, pd.DataFrame] = {}
    for source in get_args(Source):
        columns = _columns_of(card, source, values)
        attributes[source] = (
            one_per_key(values, keys[source], columns, table.file, problems) if source in keys else values[columns]
        )
    return Raw(
        interactions=interactions,
        attributes=attributes,
        labels=tuple(labels),
        file=table.file,
        time_hint="or set options.time_format on the card",
    )


def _refuse_too_few_days(card: Card, time: "pd.Series[float]") -> None:
    """Checks the card's split as far as possible before users and items are known.

    Raises:
        CtrbenchError: the split holds out all days of the file.
    """
    held_out = card.split.days_beside_training
    days = time // DAY
    if (known := days.dropna()).size and (span := int(known.max() - known.min()) + 1) <= held_out:
        raise CtrbenchError(
            f"{card.name}: split {card.split.rule!r} holds out {held_out} days, but the file spans {span}: no day "
            "is left to train on; choose another rule or fewer days on the card"
        )


def _columns_of(card: Card, source: Source, values: pd.DataFrame) -> list[str]:
    named = {each.raw_column for each in (*card.fields, *card.cohorts) if each.raw_source == source}
    return sorted(named & set(values.columns))


def one_per_key(values: pd.DataFrame, key: str, columns: list[str], file: str, problems: Problems) -> pd.DataFrame:
    """The columns' first known values by key; a key with two values in a column is added to the problems."""
    groups = values.groupby(key, sort=False)
    for column in columns:
        several = groups[column].nunique() > 1
        if several.any():
            problems.add(
                f"{file}: {key} {several.idxmax()!r} has several values of {column!r}; declare it source = "
                f'"row" on the card'
            )
    return groups[columns].first() if columns else pd.DataFrame(index=pd.Index(values[key].unique()))


def _look_ahead(card: Card, raw: Raw, problems: Problems) -> None:
    """Adds the problems that the common path would find once the present ones are mended."""
    with problems.collecting():
        observed = observe(card, raw)
        there = {source: set(frame.columns) for source, frame in raw.attributes.items()}

        def is_there(column: ColumnSettings) -> bool:
            return column.raw_column in there[column.raw_source]

        kept: dict[str, Any] = {
            "fields": tuple(filter(is_there, card.fields)),
            "cohorts": tuple(filter(is_there, card.cohorts)),
        }
        encode(card.model_copy(update=kept), observed.frames(raw), observed.rows)
