"""The common path from raw interactions to a prepared dataset.

Shapes: R interactions, W rows with the stored negatives; U users and V items including the reserved 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ctrbench.data.integrity import check_two_classes
from ctrbench.data.schema import ITEMS, ROWS, SEQUENCE, USERS, Cohort, Field, Manifest, Negatives, Source, Split
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import guard, split
from ctrbench.prepare.card import CLICK, CONVERSION, Card, ColumnSettings
from ctrbench.prepare.columns import encode_cohort, encode_field, statistic_of
from ctrbench.prepare.conversions import repeated
from ctrbench.prepare.formats import Request
from ctrbench.prepare.problems import Problems
from ctrbench.prepare.raw import Raw, checked, refuse_duplicates, without_duplicates
from ctrbench.prepare.rows import Rows, histories, order, with_negatives
from ctrbench.prepare.summary import (
    activeness,
    activeness_curve,
    first_test_lengths,
    search_holdout_counts,
    split_counts,
)
from ctrbench.prepare.writer import Writer


def assemble(request: Request, raw: Raw) -> Manifest:
    """Writes the dataset of raw interactions into the request's folder.

    Ids follow first appearance in the file: two files that differ in the names of users give the same data.

    Raises:
        CtrbenchError: the interactions are unsound, or the card's rule leaves no training, validation or test rows.
    """
    card = request.card
    observed = observe(card, raw)
    encoded = encode(card, observed.frames(raw), observed.rows)
    clicks = observed.rows
    popularity = np.bincount(clicks.item[clicks.trained_click], minlength=len(observed.items) + 1)
    rows = clicks if raw.labels else with_negatives(clicks, popularity, card.negatives)
    sequence = clicks.item[clicks.click]
    guard.check(
        rows.exact_table(),
        sequence,
        label=rows.click_label,
        sampled=not raw.labels,
        apart=card.ties == "apart",
        horizon_days=card.split.horizon_days,
    )
    test_users = first_test_lengths(rows.user, rows.length, rows.split)
    files, contents = write(request.folder, rows, sequence, popularity, encoded)
    return Manifest(
        name=card.name,
        title=card.title,
        labels=tuple(rows.labels),
        users=len(observed.users),
        items=len(observed.items),
        interactions=len(raw.interactions),
        splits=split_counts(rows.split, rows.click),
        search_holdout=search_holdout_counts(rows.search_holdout, rows.click),
        split_rule=split.sentence(card.split),
        fields=(
            Field(name="user", source="user", size=len(observed.users) + 1),
            Field(name="item", source="item", size=len(observed.items) + 1),
            *encoded.fields,
        ),
        cohorts=tuple(encoded.cohorts),
        negatives=stored_negatives(card, raw.labels),
        activeness=activeness(test_users),
        activeness_curve=activeness_curve(test_users),
        mean_click_length=float(clicks.trained_click.sum() / len(observed.users)),
        card_hash=request.card_hash(),
        sources=dict(request.checksums),
        files=files,
        contents=contents,
    )


@dataclass(frozen=True, kw_only=True)
class Observed:
    """The rows of a source, without stored negatives, and the meaning of their ids."""

    rows: Rows
    users: pd.Index
    """(U - 1,) the source's names of users 1, 2, ..."""
    items: pd.Index
    """(V - 1,) the source's names of items 1, 2, ..."""
    place: pd.Index
    """(R,) the index of each row in the raw interactions."""

    def frames(self, raw: Raw) -> dict[Source, pd.DataFrame]:
        """Raw attributes in the order of the future codes, as :func:`values_of` returns them."""
        return values_of(raw, {"user": self.users, "item": self.items}, self.place)


def observe(card: Card, raw: Raw) -> Observed:
    """Checks the interactions, gives ids to users and items, sorts the rows and divides them.

    Raises:
        CtrbenchError: the interactions are unsound or repeat each other, or the card's rule leaves a part without rows
            or, if the source has labels, without both values of the click; the error names every problem.
    """
    interactions = checked(raw)
    problems = Problems(card.name)
    if card.keep == "positive" and not raw.labels:
        problems.add(f'{card.name}: keep = "positive" needs labels; set "first" or "last" on the card')
    if card.conversion and raw.labels:
        problems.add(f"{card.name}: [conversion] needs data in which every row is a click; leave it out, or the labels")
    with problems.collecting():
        refuse_duplicates(raw, interactions, card.duplicates)
    interactions = without_duplicates(raw, interactions, card.keep)
    user, users = pd.factorize(interactions["user"])
    item, items = pd.factorize(interactions["item"])
    interactions = interactions.assign(user=(user + 1).astype(np.int32), item=(item + 1).astype(np.int32))
    interactions = interactions.iloc[order(interactions, card.ties)]
    rows = observed_rows(card, raw.labels, interactions)
    with problems.collecting():
        _refuse_one_value(card, raw.labels, rows)
        _refuse_empty_splits(card, rows)
        if raw.labels:
            _refuse_one_class(card, rows, rows.click_label)
        elif card.conversion:
            _refuse_one_class(card, rows, CONVERSION)
    problems.refuse()
    return Observed(rows=rows, users=users, items=items, place=interactions.index)


def observed_rows(card: Card, labels: tuple[str, ...], interactions: pd.DataFrame) -> Rows:
    """The rows of sorted interactions, without stored negatives."""
    count = len(interactions)
    values = {label: interactions[label].to_numpy(np.int8) for label in labels} or {CLICK: np.ones(count, np.int8)}
    click = next(iter(values.values())) == 1
    user, item, time = (interactions[name].to_numpy() for name in ("user", "item", "time"))
    if card.conversion and not labels:
        values[CONVERSION] = repeated(user, item, time, card.conversion.days)
    start, length = histories(user, time, click, apart=card.ties == "apart")
    parts = split.assign(user, time, click, card.split)
    return Rows(
        user=user,
        item=item,
        labels=values,
        start=start,
        length=length,
        time=time,
        split=parts,
        search_holdout=split.search_holdout(user, time, click, parts, card.split),
        origin=np.arange(count),
    )


def values_of(raw: Raw, keys: Mapping[Source, pd.Index], rows: pd.Index) -> dict[Source, pd.DataFrame]:
    """Raw attributes in the order of the future codes: users and items by id from the reserved 0, rows as sorted."""
    values = {source: pd.DataFrame(index=rows) for source in get_args(Source)} | dict(raw.attributes)
    for source, known in keys.items():
        values[source] = values[source].reindex(pd.Index([None, *known], dtype=object))
    return values | {"row": values["row"].loc[rows]}


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Fields and cohorts, and their code columns by the table that holds them."""

    fields: list[Field]
    cohorts: list[Cohort]
    columns: dict[Source, dict[str, NDArray[np.int32] | NDArray[np.int16]]]


def encode(card: Card, frames: Mapping[Source, pd.DataFrame], rows: Rows) -> Encoded:
    """Codes of the card's fields and cohorts.

    Args:
        card: names the fields and cohorts.
        frames: the result of :func:`values_of`.
        rows: one per interaction.

    Raises:
        CtrbenchError: the source lacks a column, or its values do not fit the cut; the error names all such columns.
    """
    problems = Problems(card.name)
    shown, clicked = _entities(rows, rows.in_training), _entities(rows, rows.trained_click)
    encoded = Encoded(fields=[], cohorts=[], columns={"user": {}, "item": {}, "row": {}})
    for field in card.fields:
        with problems.collecting():
            raw = _column(card, frames, field, clicked)
            encoded.columns[field.source][field.name], entry = encode_field(field, raw, shown[field.source])
            encoded.fields.append(entry)
    for cohort in card.cohorts:
        with problems.collecting():
            raw = _column(card, frames, cohort, clicked)
            training = (shown if cohort.cut == "values" else clicked)[cohort.source]
            encoded.columns[cohort.source][cohort.name], group = encode_cohort(cohort, raw, training)
            encoded.cohorts.append(group)
    problems.refuse()
    return encoded


def write(
    folder: Path, rows: Rows, sequence: NDArray[np.int32], popularity: NDArray[np.int64], encoded: Encoded
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Writes the Parquet files; returns their ``files`` and ``contents`` hashes."""
    table = rows.table()
    for name, codes in encoded.columns["row"].items():
        table = table.append_column(name, pa.array(codes[rows.origin]))
    writer = Writer(folder)
    writer.append(ROWS, table)
    writer.append(SEQUENCE, pa.table({"item": sequence}))
    writer.append(ITEMS, pa.table({"popularity": popularity, **encoded.columns["item"]}))
    writer.append(USERS, pa.table(encoded.columns["user"]))
    return writer.close()


def stored_negatives(card: Card, labels: tuple[str, ...]) -> Negatives:
    """The manifest's description of the rows of label 0."""
    if labels:
        return Negatives(source="impressions")
    return Negatives(source="sampled", exponent=card.negatives.exponent, per_positive=card.negatives.per_positive)


def _refuse_empty_splits(card: Card, rows: Rows) -> None:
    found = {
        "training clicks": rows.trained_click.any(),
        "validation rows, by which training stops": (rows.split == Split.VALIDATION).any(),
        "test rows": (rows.split == Split.TEST).any(),
    }
    if missing := [what for what, there in found.items() if not there]:
        raise CtrbenchError(
            f"{card.name}: split {card.split.rule!r} leaves no {' and no '.join(missing)}; choose another rule or "
            "other days on the card, or pass data with more clicks per user"
        )


def _refuse_one_value(card: Card, labels: tuple[str, ...], rows: Rows) -> None:
    if not rows.click.any() or (labels and rows.click.all()):
        raise CtrbenchError(
            f"{card.name}: label {rows.click_label!r} has one value only; name another label on the card, or none"
        )


def _refuse_one_class(card: Card, rows: Rows, label: str) -> None:
    problems = Problems(card.name)
    for name, part in split_counts(rows.split, rows.labels[label] == 1).items():
        with problems.collecting():
            check_two_classes(card.name, label, f"{name} rows", rows=part.rows, positives=part.positives)
    problems.refuse()


def _entities(rows: Rows, chosen: NDArray[np.bool_]) -> dict[Source, NDArray[np.int64]]:
    return {
        "user": rows.user[chosen].astype(np.int64),
        "item": rows.item[chosen].astype(np.int64),
        "row": np.flatnonzero(chosen),
    }


def _column(
    card: Card,
    frames: Mapping[Source, pd.DataFrame],
    settings: ColumnSettings,
    clicked: Mapping[Source, NDArray[np.int64]],
) -> "pd.Series[Any]":
    frame = frames[settings.raw_source]
    if settings.raw_column not in frame:
        known = ", ".join(map(str, frame.columns)) or "none"
        raise CtrbenchError(
            f"{card.name}: no {settings.raw_source} column {settings.raw_column!r} for {settings.name!r}; its columns: "
            f"{known}"
        )
    raw = frame[settings.raw_column]
    if not settings.statistic:
        return raw
    source = settings.source
    return statistic_of(settings, raw.iloc[clicked["row"]], clicked[source], len(frames[source]))
