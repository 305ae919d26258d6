"""The schema of a prepared dataset: a folder of Parquet files and ``manifest.json``.

| file | one row per | columns |
|---|---|---|
| ``rows.parquet`` | labelled (user, item) pair, by user, in time order | ``user item`` int32, one int8 per label, ``start`` int64, ``length`` int32, ``time`` int64, ``split`` int8, ``search_holdout`` int8, then row fields (int32) and row cohorts (int16) |
| ``sequence.parquet`` | click | ``item`` int32: every user's clicks, contiguous and in time order |
| ``items.parquet`` | item id, from 0 | ``popularity`` int64 (positive training rows), item fields (int32), item cohorts (int16) |
| ``users.parquet`` | user id, from 0 | user fields (int32), user cohorts (int16) |
| ``truth.parquet`` (simulated data only) | row of ``rows`` | the true probability of each label, float64; where clicks may be accidental, ``real_click``, the probability of a click that is not, float64, and ``real_click_label``, whether the row has one, int8; training never reads it |

``search_holdout`` is 1 on the training rows that a search of settings is judged on: the rows that the split's rule would
make test if applied to the training rows alone. It is 2 on the training rows whose labels are read from those days: a
search neither trains nor is judged on them.

``split`` is -1 on rows in no split, such as those of the days kept free after a split so that its labels are known before
the next one begins. Nothing is trained or measured on them; their clicks are part of later histories.

A row's click history is the slice ``sequence[start : start + length]``; ``length`` is its click length L. Ids count from 1 in
every field: 0 means *unknown* or *masked*. ``time`` is in seconds since 1970. Validation and test rows include their stored negatives; training rows
include them only where the source has impressions that were not clicked.

A log of impressions without times has no histories: its rows are in file order, ``time`` and ``length`` are 0, the
sequence is empty, and the mean click length is 0. Where it names no items, ``item`` is 0 in every row, and the
catalogue has that item alone.
"""  # noqa: E501

import enum
import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

from ctrbench.errors import CtrbenchError
from ctrbench.places import prepare_command
from ctrbench.registry import unknown
from ctrbench.strict import Strict

ROWS, SEQUENCE, ITEMS, USERS, TRUTH = (f"{name}.parquet" for name in ("rows", "sequence", "items", "users", "truth"))
MANIFEST = "manifest.json"
REAL_CLICK, REAL_CLICK_LABEL = "real_click", "real_click_label"
UNCOVERED = {TRUTH: (REAL_CLICK, REAL_CLICK_LABEL)}
"""File name -> columns that no fingerprint covers. They follow from the same draws as the true probabilities of the
labels, which are covered; so data prepared before these columns existed are the same data."""
SCHEMA_VERSION = 3

Source = Literal["user", "item", "row"]
FILES: dict[Source, str] = {"user": USERS, "item": ITEMS, "row": ROWS}
"""The file that holds a source's columns."""
NUMBERS: dict[str, Source] = {
    "click_length": "row",
    "item_popularity": "item",
    "random_user": "user",
    "random_item": "item",
    "random_row": "row",
}
"""Whole numbers that every dataset has beside its cohort columns: L, clicks of the item in training, and hashes in
[0, LARGEST_NUMBER] by which users, items or rows are drawn at random. They follow from what training reads."""
LARGEST_NUMBER = 2**31 - 1


class Split(enum.IntEnum):
    """The value of the ``split`` column."""

    TRAIN = 0
    VALIDATION = 1
    TEST = 2


NO_SPLIT = -1
"""The value of the ``split`` column on rows in no split."""

HELD_OUT, LEFT_OUT = 1, 2
"""Values of the ``search_holdout`` column: a search is judged on the row, or reads it in no way."""


class Field(Strict):
    """A categorical input; ``user`` and ``item`` themselves are fields too."""

    name: str
    source: Source
    """The table with the column: users.parquet, items.parquet or rows.parquet. A history includes the item fields."""
    size: int
    """Number of ids, the reserved 0 included."""


class Cohort(Strict):
    """A column that cuts the rows into disjoint groups for the report; no model reads it."""

    name: str
    source: Source
    values: tuple[str, ...]
    """The group named by each code; code -1 is a row outside every group."""


class Activeness(Strict):
    """The cut of rows by click length (AQCL figure 2): lowest 60 %, next 30 %, top 10 % of test users; ties go down."""

    cutoffs: tuple[int, int]
    """A row is non-active up to the first click length, slightly-active up to the second, highly-active above."""
    shares: tuple[float, float, float]
    """Share of test users in each group, after ties."""


class Negatives(Strict):
    """Where rows of label 0 come from."""

    source: Literal["sampled", "impressions"]
    """``sampled``: items drawn by popularity ** exponent; ``impressions``: shown and not clicked, no sampling."""
    exponent: float = 0.0
    """Popularity counted on the training split; 0 is uniform, 1 proportional."""
    per_positive: int = 1
    """Stored negatives per validation and test row."""

    @property
    def distribution(self) -> str:
        """The distribution that items are drawn from, as text."""
        names = {0.0: " (uniform)", 1.0: " (proportional)"}
        return f"training popularity to the power {self.exponent:g}{names.get(self.exponent, '')}"


class SplitCounts(Strict):
    """Rows of one split, its stored negatives included."""

    rows: int
    positives: int


class Manifest(Strict):
    """The description of a prepared dataset."""

    schema_version: int = SCHEMA_VERSION
    name: str
    title: str
    labels: tuple[str, ...]
    """Label columns; the first is the click."""
    users: int
    """Distinct users, the reserved id 0 not counted."""
    items: int
    interactions: int
    """Raw interactions read from the source: the "samples" of the papers' table 1."""
    splits: dict[Literal["train", "validation", "test"], SplitCounts]
    search_holdout: SplitCounts
    """Training rows that a search is judged on: the D_val of AQCL eq. 7. Sampled negatives are not among them."""
    split_rule: str
    """One sentence for the report's footer."""
    fields: tuple[Field, ...]
    cohorts: tuple[Cohort, ...]
    negatives: Negatives
    activeness: Activeness
    activeness_curve: tuple[int, ...]
    """Click length of the test users at each percentile from 0 to 100: AQCL figure 2."""
    mean_click_length: float
    """Mean over users of their number of training clicks: Lbar of AQCL eq. 6. 0 for data without histories."""
    synthetic: bool = False
    """True for simulated data: results on them are never called reproduced."""
    card_hash: str
    sources: dict[str, str]
    """File name -> sha256 of each source file that was read (empty for simulated data)."""
    files: dict[str, str]
    """File name -> sha256 of each Parquet file; reading verifies it."""
    contents: dict[str, dict[str, str]]
    """File name -> column -> sha256 of its type and values, independent of the Parquet encoding."""
    fingerprint: str = ""
    """sha256 of what training reads: part of every job's identity."""
    measuring_fingerprint: str = ""
    """sha256 of everything else that measuring and printing read. It changes with a cohort or a title; no job is then
    trained again."""

    def sealed(self) -> "Manifest":
        """A copy with both fingerprints filled in."""
        return self.model_copy(
            update={
                "fingerprint": digest(self._read_by_training()),
                "measuring_fingerprint": digest(self._read_by_measuring()),
            }
        )

    def fingerprint_with(self, cohorts: Iterable[str]) -> str:
        """The training fingerprint of a method that also reads these cohorts while it trains.

        Args:
            cohorts: names of cohort columns, in any order; with none the result is ``fingerprint``. :data:`NUMBERS`
                do not count: they follow from the rest.

        Raises:
            CtrbenchError: the dataset has no such cohort.
        """
        known = {cohort.name: cohort for cohort in self.cohorts}
        names = sorted(set(cohorts) - set(NUMBERS))
        for name in names:
            if name not in known:
                raise unknown(f"cohort of {self.name}", name, known)
        if not names:
            return self.fingerprint
        read = [[known[name].model_dump(mode="json"), self.contents[FILES[known[name].source]][name]] for name in names]
        return digest([self.fingerprint, read])

    def was_read(self, fingerprint: str, cohorts: Collection[str] = (), cohort_fingerprint: str | None = None) -> bool:
        """Whether a training read these very data.

        Args:
            fingerprint: the training fingerprint that it noted.
            cohorts: those that its method read while it trained.
            cohort_fingerprint: what :meth:`fingerprint_with` them was; None without any.
        """
        if fingerprint != self.fingerprint:
            return False
        known = {*NUMBERS, *(cohort.name for cohort in self.cohorts)}
        return not cohorts or (known.issuperset(cohorts) and self.fingerprint_with(cohorts) == cohort_fingerprint)

    def training_columns(self) -> dict[str, tuple[str, ...]]:
        """File name -> the columns that training reads. Not among them: ``time``, cohorts and true probabilities."""

        def fields_of(source: Source) -> tuple[str, ...]:
            return tuple(field.name for field in self.fields if field.source == source and field.name != source)

        row_columns = ("user", "item", *self.labels, "start", "length", "split", "search_holdout")
        return {
            ROWS: (*row_columns, *fields_of("row")),
            SEQUENCE: ("item",),
            ITEMS: ("popularity", *fields_of("item")),
            USERS: fields_of("user"),
        }

    def _contents(self, *, training: bool) -> dict[str, dict[str, str]]:
        read = self.training_columns()
        return {
            file: {
                name: sha
                for name, sha in columns.items()
                if (name in read.get(file, ())) == training and name not in UNCOVERED.get(file, ())
            }
            for file, columns in self.contents.items()
        }

    def _read_by_training(self) -> object:
        entries = self.model_dump(
            mode="json", include={"schema_version", "labels", "fields", "negatives", "mean_click_length"}
        )
        # A card may list its fields in any order, since a run names the fields that it reads.
        entries["fields"].sort(key=lambda field: field["name"])
        return entries | {"contents": self._contents(training=True)}

    def _read_by_measuring(self) -> object:
        beside = {"schema_version", "labels", "fields", "negatives", "mean_click_length", "card_hash", "sources"}
        beside |= {"files", "contents", "fingerprint", "measuring_fingerprint"}
        return self.model_dump(mode="json", exclude=beside) | {"contents": self._contents(training=False)}

    def field(self, name: str) -> Field:
        """The field of a name.

        Raises:
            CtrbenchError: the dataset has no field of this name.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise CtrbenchError(f"{self.name}: no field {name!r}; it has {', '.join(f.name for f in self.fields)}")


def digest(document: object) -> str:
    """sha256 of canonical JSON: sorted keys, no white space; swapping two values changes it."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Reads ``manifest.json``.

    Raises:
        CtrbenchError: the dataset was not prepared, its manifest cannot be read, or it has another schema version.
    """
    path = folder / MANIFEST
    command = prepare_command(folder.name)
    again = f"prepare again: {command} --force"
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CtrbenchError(f"{folder.name}: not prepared; run: {command}") from None
    except OSError as error:
        raise CtrbenchError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise CtrbenchError(f"{path}: not JSON ({error}); {again}") from None
    if isinstance(document, dict) and (found := document.get("schema_version")) != SCHEMA_VERSION:
        raise CtrbenchError(f"{path}: schema version {found}, this ctrbench reads {SCHEMA_VERSION}; {again}")
    return Manifest.read(document, str(path))
