"""Ali-CCP: impressions of Taobao's recommendations with clicks and conversions.

Source: Ma et al., Entire Space Multi-Task Model, SIGIR 2018; Tianchi dataset 408. For each of train and test there is a
skeleton, one line per impression, and a file of common features, which many impressions share and name by key:

    sample_id,click,conversion,common_feature_key,feature_count,feature_list
    common_feature_key,feature_count,feature_list

The common preprocessing, one CSV with a header for each of train, validation and test, has the same columns with other
ids. A field with a value, such as 109_14, is two columns: the id, and the value as D109_14.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from ctrbench.data.schema import Manifest, Split
from ctrbench.prepare.card import CLICK, MOST_BUCKETS, FieldSettings
from ctrbench.prepare.csv_batches import BYTES, NUMBER, TEXT, WHOLE, Batch, read, refusal
from ctrbench.prepare.feature_lists import COUNT, LIST, Features, parse
from ctrbench.prepare.formats import Request
from ctrbench.prepare.impressions import Impressions, assemble
from ctrbench.prepare.staging import CONVERSION, ITEM, USER
from ctrbench.strict import Strict

USER_FIELD, ITEM_FIELD = "101", "205"
VALUED = ("109_14", "110_14", "127_14", "150_14", "508", "509", "702", "853")
"""Fields with a value: weights of the user's behaviour, and of its combinations with the item."""
OTHERS = ("121", "122", "124", "125", "126", "127", "128", "129", "206", "207", "210", "216", "301")
IDS = (*OTHERS, *VALUED)
FIELDS = (USER_FIELD, ITEM_FIELD, *IDS)
KEY = "common_feature_key"
SKELETON = {"sample_id": TEXT, CLICK: WHOLE, CONVERSION: WHOLE, KEY: TEXT, COUNT: WHOLE, LIST: BYTES}
COMMON = {KEY: TEXT, COUNT: WHOLE, LIST: BYTES}
OFFICIAL = {
    split: (f"sample_skeleton_{split.name.lower()}.csv", f"common_features_{split.name.lower()}.csv")
    for split in (Split.TRAIN, Split.TEST)
}
"""Split -> skeleton and common features."""
PREPROCESSED = {
    Split.TRAIN: "ali_ccp_train.csv",
    Split.VALIDATION: "ali_ccp_val.csv",
    Split.TEST: "ali_ccp_test.csv",
}


class Options(Strict):
    """Section ``[options]`` of a card of this format."""

    buckets: int = Field(ge=2, le=MOST_BUCKETS)
    """Buckets of each value, with equal shares of the training rows; its edges come from them alone."""
    minimum_rows: int = Field(ge=1)
    """Training rows that an item or another id needs; a rarer one is unknown (0)."""


def prepare(request: Request) -> Manifest:
    """The format ``ali-ccp``.

    Raises:
        CtrbenchError: a file is damaged (:func:`ctrbench.prepare.csv_batches.read`), or so is a list of features; a key
            has no common features, or has them twice.
    """
    options = Options.read(request.card.options, f"{request.card.name}: options")
    fields = (
        *(FieldSettings(name=name, source="row") for name in IDS),
        *(FieldSettings(name=f"D{name}", source="row", quantiles=options.buckets) for name in VALUED),
    )
    batches = preprocessed(request) if PREPROCESSED[Split.TRAIN] in request.files else official(request)
    impressions = Impressions(batches=batches, fields=fields, minimum_rows=options.minimum_rows, pages=False)
    return assemble(request, impressions)


def preprocessed(request: Request) -> Iterator[tuple[Split, pa.RecordBatch]]:
    """The rows of the common preprocessing, as :class:`Impressions` describes them."""
    values = [f"D{name}" for name in VALUED]
    types = dict.fromkeys((CLICK, "purchase", *FIELDS), WHOLE) | dict.fromkeys(values, NUMBER)
    for split, file in PREPROCESSED.items():
        for batch in read(request.files[file], types):
            labels = {CLICK: batch.label(CLICK), CONVERSION: batch.label("purchase")}
            ids = {USER: batch.ids(USER_FIELD), ITEM: batch.ids(ITEM_FIELD), **{name: batch.ids(name) for name in IDS}}
            yield split, pa.RecordBatch.from_pydict({**labels, **ids, **{name: batch.columns[name] for name in values}})


def official(request: Request) -> Iterator[tuple[Split, pa.RecordBatch]]:
    """The impressions of the skeletons with their common features, as :class:`Impressions` describes them."""
    for split, (skeleton, common) in OFFICIAL.items():
        shared = Common.read(request.files[common])
        for batch in read(request.files[skeleton], SKELETON, names=tuple(SKELETON)):
            features = parse(batch, FIELDS, VALUED).or_else(shared.of(batch))
            labels = {CLICK: batch.label(CLICK), CONVERSION: batch.label(CONVERSION)}
            ids = dict(zip((USER, ITEM, *IDS), features.ids.T, strict=True))
            values = {f"D{name}": column for name, column in zip(VALUED, features.values.T, strict=True)}
            yield split, pa.RecordBatch.from_pydict({**labels, **ids, **values})


@dataclass(frozen=True)
class Common:
    """The common features of one split by key."""

    file: str
    keys: pa.Array
    features: Features

    @classmethod
    def read(cls, path: Path) -> "Common":
        """Reads a file of common features; only the fields of the card's columns are kept.

        Raises:
            CtrbenchError: a line is damaged, or a key repeats.
        """
        keys, parts = [], []
        for batch in read(path, COMMON, names=tuple(COMMON)):
            keys.append(batch.columns[KEY])
            parts.append(parse(batch, FIELDS, VALUED))
        ids, values = (np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "values"))
        common = cls(path.name, pa.concat_arrays(keys), Features(ids, values))
        repeated = np.flatnonzero(pc.index_in(common.keys, common.keys).to_numpy() != np.arange(len(common.keys)))
        if len(repeated):
            key = common.keys[int(repeated[0])].as_py()
            raise refusal(path.name, int(repeated[0]) + 1, f"the key {key!r} repeats that of an earlier line", KEY)
        return common

    def of(self, batch: Batch) -> Features:
        """The features of the impressions of a skeleton.

        Raises:
            CtrbenchError: a key has no line in the file.
        """
        place = pc.index_in(batch.columns[KEY], self.keys)
        batch.refuse(place.is_null().to_numpy(zero_copy_only=False), KEY, f"the key has no line in {self.file}")
        return self.features[place.to_numpy()]
