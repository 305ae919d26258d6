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

from ctrbench.data.schema import ITEMS, ROWS, SEQUENCE, USERS, Cohort, Field, Manifest, Negatives, Source, Split
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import guard, split
from ctrbench.prepare.card import Card, ColumnSettings
from ctrbench.prepare.columns import encode_cohort, encode_field, statistic_of
from ctrbench.prepare.formats import Request
from ctrbench.prepare.raw import Raw, checked, without_duplicates
from ctrbench.prepare.rows import Rows, histories, order, with_negatives
from ctrbench.prepare.summary import (
    activeness,
    activeness_curve,
    first_test_lengths,
    search_holdout_counts,
    split_counts,
)
from ctrbench.prepare.writer import Writer

CLICK = "click"
"""The label of data whose every interaction is a click."""


def assemble(request: Request, raw: Raw) -> Manifest:
    """Writes the dataset of raw interactions into the request's folder.

    Ids follow first appearance in the file: two editions that differ in the names of users give the same data.

    Raises:
        CtrbenchError: the interactions are unsound, or the card's rule leaves no training, validation or test rows.
    """
    card = request.card
    interactions = without_duplicates(raw, checked(raw), card.duplicates)
    user, users = pd.factorize(interactions["user"])
    item, items = pd.factorize(interactions["item"])
    interactions = interactions.assign(user=(user + 1).astype(np.int32), item=(item + 1).astype(np.int32))
    interactions = interactions.iloc[order(interactions, card.ties)]
    observed = observed_rows(card, raw.labels, interactions)
    encoded = encode(card, values_of(raw, {"user": users, "item": items}, interactions.index), observed)
    popularity = np.bincount(observed.item[observed.trained_click], minlength=len(items) + 1)
    rows = observed if raw.labels else with_negatives(observed, popularity, card.negatives)
    sequence = observed.item[observed.click]
    apart = card.ties == "apart"
    guard.check(rows.exact_table(), sequence, label=rows.click_label, sampled=not raw.labels, apart=apart)
    test_users = first_test_lengths(rows.user, rows.length, rows.split)
    files, contents = write(request.folder, rows, sequence, popularity, encoded)
    return Manifest(
        name=card.name,
        title=card.title,
        labels=tuple(rows.labels),
        users=len(users),
        items=len(items),
        interactions=len(raw.interactions),
        splits=split_counts(rows.split, rows.click),
        search_holdout=search_holdout_counts(rows.search_holdout, rows.click),
        split_rule=split.sentence(card.split),
        fields=(
            Field(name="user", source="user", size=len(users) + 1),
            Field(name="item", source="item", size=len(items) + 1),
            *encoded.fields,
        ),
        cohorts=tuple(encoded.cohorts),
        negatives=stored_negatives(card, raw.labels),
        activeness=activeness(test_users),
        activeness_curve=activeness_curve(test_users),
        mean_click_length=float(observed.trained_click.sum() / len(users)),
        card_hash=request.card_hash(),
        sources=dict(request.checksums),
        files=files,
        contents=contents,
    )


def observed_rows(card: Card, labels: tuple[str, ...], interactions: pd.DataFrame) -> Rows:
    """The rows of sorted interactions, without stored negatives.

    Raises:
        CtrbenchError: no click, no row that was not clicked, or an empty training, validation or test split.
    """
    count = len(interactions)
    values = {label: interactions[label].to_numpy(np.int8) for label in labels} or {CLICK: np.ones(count, np.int8)}
    click = next(iter(values.values())) == 1
    if not click.any() or (labels and click.all()):
        raise CtrbenchError(
            f"{card.name}: label {labels[0]!r} has one value only; name another label on the card, or none"
        )
    user, item, time = (interactions[name].to_numpy() for name in ("user", "item", "time"))
    start, length = histories(user, time, click, apart=card.ties == "apart")
    parts = split.assign(user, time, click, card.split)
    rows = Rows(
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
    _refuse_empty_splits(card, rows)
    return rows


def values_of(raw: Raw, keys: Mapping[Source, pd.Index], rows: pd.Index) -> dict[Source, pd.DataFrame]:
    """Raw attributes in the order of the codes to be: users and items by id from the reserved 0, rows as sorted."""
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
        card: names them.
        frames: of :func:`values_of`.
        rows: one per interaction.

    Raises:
        CtrbenchError: the source has no such column, or its values do not fit the cut.
    """
    shown, clicked = _entities(rows, rows.in_training), _entities(rows, rows.trained_click)
    encoded = Encoded(fields=[], cohorts=[], columns={"user": {}, "item": {}, "row": {}})
    for field in card.fields:
        raw = _column(card, frames, field, clicked)
        encoded.columns[field.source][field.name], entry = encode_field(field, raw, shown[field.source])
        encoded.fields.append(entry)
    for cohort in card.cohorts:
        raw = _column(card, frames, cohort, clicked)
        training = (shown if cohort.cut == "values" else clicked)[cohort.source]
        encoded.columns[cohort.source][cohort.name], group = encode_cohort(cohort, raw, training)
        encoded.cohorts.append(group)
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
    """How the manifest describes rows of label 0."""
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
            f"{card.name}: no {settings.raw_source} column {settings.raw_column!r} for {settings.name!r}; there is "
            f"{known}"
        )
    raw = frame[settings.raw_column]
    if not settings.statistic:
        return raw
    source = settings.source
    return statistic_of(settings, raw.iloc[clicked["row"]], clicked[source], len(frames[source]))
