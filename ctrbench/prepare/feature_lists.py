"""Ali-CCP's lists of features: ``field \\x02 id \\x03 value``, joined by ``\\x01``.

Source: Tianchi dataset 408. A field may have several features in a list: the one of the highest value is taken, and of
equal values the first.

Shapes: N lists, M features of all lists together, I fields whose ids are wanted, V fields whose values are wanted.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError
from ctrbench.prepare.csv_batches import Batch, refusal
from ctrbench.prepare.encoders import MISSING

COUNT, LIST = "feature_count", "feature_list"
AS_CSV = bytes.maketrans(b"\x01\x02\x03", b"\n,,")
"""Makes a CSV of lists, one feature a line, so that pyarrow's reader parses them."""
COLUMNS = {"field": pa.dictionary(pa.int32(), pa.string()), "id": pa.int64(), "value": pa.float32()}
ROW = re.compile(r"Row #(\d+)")


@dataclass(frozen=True)
class Features:
    """The wanted features of some lists."""

    ids: NDArray[np.int64]
    """(N, I), ``MISSING`` where a list has no feature of the field."""
    values: NDArray[np.float32]
    """(N, V), NaN where a list has no feature of the field."""

    def or_else(self, others: "Features") -> "Features":
        """These features, and those of ``others`` where one is missing."""
        return Features(
            np.where(self.ids == MISSING, others.ids, self.ids),
            np.where(np.isnan(self.values), others.values, self.values),
        )

    def __getitem__(self, lists: NDArray[np.int64]) -> "Features":
        return Features(self.ids[lists], self.values[lists])


def parse(batch: Batch, fields: Sequence[str], valued: Sequence[str]) -> Features:
    """The features of a batch.

    Args:
        batch: lines with the columns :data:`COUNT` (int64) and :data:`LIST` (binary).
        fields: the I fields.
        valued: the V fields, each one of ``fields``.

    Raises:
        CtrbenchError: a list has more or fewer features than its count says, or a feature is not field, id and value;
            the error names the line.
    """
    lists = batch.columns[LIST]
    counts = np.where(pc.equal(pc.binary_length(lists), 0), 0, pc.add(pc.count_substring(lists, b"\x01"), 1))
    wanted = batch.columns[COUNT].to_numpy()
    batch.refuse(counts != wanted, LIST, f"the list has not the number of features that {COUNT} says (is it cut off?)")
    owner = np.repeat(np.arange(len(lists)), counts)
    features = _table(batch, owner)
    field = features["field"].combine_chunks()
    column_of = {name: column for column, name in enumerate(fields)}
    code = np.array([column_of.get(name, MISSING) for name in field.dictionary.to_pylist()], np.int64)
    column = code[field.indices.to_numpy()] if len(code) else np.zeros(0, np.int64)
    known = np.flatnonzero(column != MISSING)
    value = features["value"].to_numpy()[known]
    # Of several assignments to one place the last one stays: that of the highest value, and of equal ones the first.
    order = known[::-1][np.argsort(value[::-1], kind="stable")]
    place = owner[order], column[order]
    ids = np.full((len(lists), len(fields)), MISSING, np.int64)
    values = np.full(ids.shape, np.nan, np.float32)
    ids[place] = features["id"].to_numpy()[order]
    values[place] = features["value"].to_numpy()[order]
    return Features(ids, values[:, [column_of[name] for name in valued]])


def _table(batch: Batch, owner: NDArray[np.int64]) -> pa.Table:
    """Field, id and value of every feature (M,), whose list is ``owner`` (M,)."""
    if not len(owner):
        return pa.table({name: pa.array([], kind) for name, kind in COLUMNS.items()})
    lists = batch.columns[LIST]
    filled = lists.filter(pc.greater(pc.binary_length(lists), 0))
    text = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(filled)], pa.int32()), filled), b"\x01")[0]
    data = text.as_py().translate(AS_CSV)
    try:
        features = pa.csv.read_csv(
            pa.BufferReader(data),
            read_options=pa.csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=list(COLUMNS)),
            parse_options=pa.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=pa.csv.ConvertOptions(column_types=COLUMNS, null_values=[""], strings_can_be_null=True),
        )
    except pa.ArrowException as error:
        raise _located(error, batch, owner) from None
    for name in ("id", "value"):
        unsound = pc.less(features[name], 0) if name == "id" else pc.invert(pc.is_finite(features[name]))
        bad = np.flatnonzero(pc.fill_null(unsound, True).to_numpy())
        if len(bad):
            what = f"a feature's {name} is missing, negative or not finite"
            raise refusal(batch.file, batch.line + int(owner[bad[0]]), what, LIST)
    return features


def _located(error: Exception, batch: Batch, owner: NDArray[np.int64]) -> CtrbenchError:
    """pyarrow's error of a feature as an error of the line in the file."""
    feature = ROW.search(str(error))
    line = batch.line + (int(owner[int(feature[1]) - 1]) if feature else 0)
    return refusal(batch.file, line, "a feature is not field, id and value", LIST)
