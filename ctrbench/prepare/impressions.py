"""The common path of large logs of impressions, which are never in memory as a whole.

Source: the official files decide the split, so that results can be compared with published ones. Such a log has no
time, and so no histories: every row has a click length of 0.

The rows are read once, into a temporary Parquet file of typed columns (:mod:`ctrbench.prepare.staging`). From its
training rows each column's encoder is learnt, one column at a time; then all rows are encoded, batch by batch.

Shapes: N rows of a batch, W rows in all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctrbench.data.integrity import check_two_classes
from ctrbench.data.schema import ITEMS, ROWS, SEQUENCE, USERS, Field, Manifest, Negatives, Split, SplitCounts
from ctrbench.errors import CtrbenchError
from ctrbench.prepare import summary
from ctrbench.prepare.card import CLICK, Card, FieldSettings
from ctrbench.prepare.encoders import MISSING, Buckets, Encoder, Vocabulary
from ctrbench.prepare.formats import Request
from ctrbench.prepare.staging import CONVERSION, ITEM, USER, Staged, stage
from ctrbench.prepare.writer import Writer

LABELS = (CLICK, CONVERSION)


@dataclass(frozen=True, kw_only=True)
class Impressions:
    """A log as its format reads it."""

    batches: Iterable[tuple[Split, pa.RecordBatch]]
    """In file order, each with the split of its file; without a validation file, the card's share of the training file
    is cut off for it. Columns: ``user`` and ``item`` int64, ``click`` and ``conversion`` int8, and a column per field:
    int64 ids, or float32 where the field has quantiles. ``MISSING`` and NaN are missing values."""
    fields: tuple[FieldSettings, ...]
    """Fields of source ``row``."""
    minimum_rows: int
    """An item or an id has at least so many training rows; a rarer one is unknown (0)."""
    pages: bool
    """Whether the consecutive rows of a user are one page, which is not divided between training and validation."""


def assemble(request: Request, impressions: Impressions) -> Manifest:
    """Writes the dataset of a log into the request's folder.

    A row with a conversion and without a click is left out. Ids count from 1 by sorted value.

    Raises:
        CtrbenchError: the card asks for another split or for columns of its own, the training file is too short, or a
            split has no rows of both classes.
    """
    card = request.card
    check_card(card)
    with TemporaryDirectory(dir=request.folder) as folder:
        staged = stage(Path(folder), impressions.batches, request.progress)
        cut = divide(card, staged, pages=impressions.pages)
        encoders = learn(staged, cut, impressions)
        totals = Totals(encoders[ITEM].size)
        files, contents = write(request, staged, cut, encoders, totals)
    for part, counts in totals.splits().items():
        check_two_classes(card.name, CLICK, f"{part} rows", rows=counts.rows, positives=counts.positives)
    return Manifest(
        name=card.name,
        title=card.title,
        labels=LABELS,
        users=encoders[USER].size - 1,
        items=encoders[ITEM].size - 1,
        interactions=staged.rows_read,
        splits=totals.splits(),
        search_holdout=totals.search_holdout,
        split_rule=sentence(card, staged, pages=impressions.pages),
        fields=fields_of(encoders),
        cohorts=(),
        negatives=Negatives(source="impressions"),
        activeness=summary.activeness(np.zeros(1, np.int32)),
        activeness_curve=summary.activeness_curve(np.zeros(1, np.int32)),
        mean_click_length=0.0,
        card_hash=request.card_hash(),
        sources=dict(request.checksums),
        files=files,
        contents=contents,
    )


def check_card(card: Card) -> None:
    """Refuses a card with what this path does not have.

    Raises:
        CtrbenchError: the split is not the official one, or the card names fields or cohorts.
    """
    if card.split.rule != "official":
        raise CtrbenchError(f'{card.name}: format {card.format} has its own test file; set split.rule = "official"')
    if card.fields or card.cohorts:
        raise CtrbenchError(
            f"{card.name}: format {card.format} makes a field of every column and has no cohorts; leave out fields and "
            "cohorts"
        )


@dataclass(frozen=True)
class Cut:
    """Where the training file is divided: training rows, then the search holdout, then validation."""

    search_holdout: int
    """The first row of the search holdout, which is part of the training rows."""
    validation: int
    """The first validation row; the number of rows where validation has a file."""

    def parts(self, split: Split, start: int, count: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Split (N,) and search holdout (N,) of the rows from ``start`` of a split's file."""
        place = np.arange(start, start + count)
        if split != Split.TRAIN:
            return np.full(count, split, np.int8), np.zeros(count, np.int8)
        late = place >= self.validation
        held_out = (place >= self.search_holdout) & ~late
        return np.where(late, Split.VALIDATION, Split.TRAIN).astype(np.int8), held_out.astype(np.int8)


def divide(card: Card, staged: Staged, *, pages: bool) -> Cut:
    """Cuts the card's share off the training file, at its end, and the same share off what is left.

    Raises:
        CtrbenchError: nothing is left to train on.
    """
    share = card.split.validation_share
    assert share is not None  # the official split has one
    user = staged.column(Split.TRAIN, USER)
    validation = len(user) if Split.VALIDATION in staged.files else last_part(user, share, pages=pages)
    search_holdout = last_part(user[:validation], share, pages=pages)
    if not search_holdout:
        raise CtrbenchError(
            f"{card.name}: {len(user):,} rows are too few to train and validate on; pass more by --source"
        )
    return Cut(search_holdout, validation)


def last_part(user: NDArray[np.int64], share: float, *, pages: bool) -> int:
    """Where the last ``share`` of rows (W,) begins; with ``pages``, where the page of that row begins."""
    first = round(len(user) * (1 - share))
    if not pages or first == len(user):
        return first
    others = np.flatnonzero(user[:first] != user[first])
    return int(others[-1]) + 1 if len(others) else 0


def learn(staged: Staged, cut: Cut, impressions: Impressions) -> dict[str, Encoder]:
    """The encoder of every column that becomes ids. Users are known in all splits, since metrics group rows by them."""
    users = np.unique(np.concatenate([np.unique(staged.column(split, USER)) for split in staged.files]))
    encoders: dict[str, Encoder] = {USER: Vocabulary(users[users != MISSING])}
    for name, quantiles in ((ITEM, None), *((field.name, field.quantiles) for field in impressions.fields)):
        training = staged.column(Split.TRAIN, name)[: cut.validation]
        encoders[name] = (
            Buckets.of(training, quantiles) if quantiles else Vocabulary.of(training, impressions.minimum_rows)
        )
    return encoders


def fields_of(encoders: Mapping[str, Encoder]) -> tuple[Field, ...]:
    """The manifest's fields: the user, the item and the columns of the rows."""
    return tuple(
        Field(name=name, source=name if name in ("user", "item") else "row", size=encoder.size)
        for name, encoder in encoders.items()
    )


class Totals:
    """What is counted while the rows are written."""

    def __init__(self, items: int) -> None:
        self.popularity = np.zeros(items, np.int64)
        self._rows = np.zeros((len(Split), 2), np.int64)
        self._search_holdout = np.zeros(2, np.int64)

    def add(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Counts a batch of encoded rows."""
        click, split = rows[CLICK], rows["split"]
        np.add.at(self._rows, (split, click), 1)
        self._search_holdout += np.bincount(click[rows["search_holdout"] == 1], minlength=2)
        trained_click = (click == 1) & (split == Split.TRAIN)
        self.popularity += np.bincount(rows[ITEM][trained_click], minlength=len(self.popularity))
        self.popularity[0] = 0  # unknown items are not one popular item

    def splits(self) -> dict[str, SplitCounts]:
        """Rows and clicks by the split's name."""
        return {split.name.lower(): _counts(self._rows[split]) for split in Split}

    @property
    def search_holdout(self) -> SplitCounts:
        """Rows and clicks of the search holdout."""
        return _counts(self._search_holdout)


def _counts(by_click: NDArray[np.int64]) -> SplitCounts:
    return SplitCounts(rows=int(by_click.sum()), positives=int(by_click[1]))


def write(
    request: Request, staged: Staged, cut: Cut, encoders: Mapping[str, Encoder], totals: Totals
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Writes the Parquet files; returns their ``files`` and ``contents`` hashes."""
    writer = Writer(request.folder)
    done = 0
    for split in staged.files:
        start = 0
        for columns in staged.batches(split):
            rows = encoded(columns, encoders, cut.parts(split, start, columns.num_rows))
            totals.add(rows)
            writer.append(ROWS, pa.table(rows))
            start, done = start + columns.num_rows, done + columns.num_rows
            request.progress("rows written", done, staged.rows)
    writer.append(SEQUENCE, pa.table({"item": np.zeros(0, np.int32)}))
    writer.append(ITEMS, pa.table({"popularity": totals.popularity}))
    writer.append(USERS, pa.table({}))
    return writer.close()


def encoded(
    columns: pa.Table, encoders: Mapping[str, Encoder], parts: Sequence[NDArray[np.int8]]
) -> dict[str, NDArray[Any]]:
    """A batch of ``rows.parquet``: every column (N,)."""
    count = columns.num_rows
    ids = {name: encoder.ids(columns[name].to_numpy()) for name, encoder in encoders.items()}
    return {
        USER: ids.pop(USER),
        ITEM: ids.pop(ITEM),
        **{label: columns[label].to_numpy() for label in LABELS},
        "start": np.zeros(count, np.int64),
        "length": np.zeros(count, np.int32),
        "time": np.zeros(count, np.int64),
        "split": parts[0],
        "search_holdout": parts[1],
        **ids,
    }


def sentence(card: Card, staged: Staged, *, pages: bool) -> str:
    """The split's rule for the report's footer, and how many rows were left out."""
    validation = "the validation file"
    if Split.VALIDATION not in staged.files:
        undivided = ", no page divided" if pages else ""
        validation = f"the last {card.split.validation_share:.0%} of the training file{undivided}"
    left_out = f"; {staged.dropped:,} rows with a conversion and no click left out" if staged.dropped else ""
    return f"official: test is the test file, validation {validation}{left_out}"
