"""A log of impressions as temporary Parquet files, one per split, whose columns are read one at a time.

Shapes: N rows of a batch, W rows of a split.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ctrbench.data.schema import Split
from ctrbench.prepare.card import CLICK
from ctrbench.prepare.formats import Progress

USER, ITEM, CONVERSION = "user", "item", "conversion"


@dataclass(frozen=True, kw_only=True)
class Staged:
    """The rows that are kept, in file order."""

    files: dict[Split, Path]
    """In the order train, validation, test; no validation where no file has it."""
    rows_read: int
    """Rows of the source, those left out included."""
    dropped: int
    """Rows left out: a conversion without a click."""

    @property
    def rows(self) -> int:
        """Rows that are kept."""
        return self.rows_read - self.dropped

    def column(self, split: Split, name: str) -> NDArray[Any]:
        """A column (W,) of a split."""
        return pq.read_table(self.files[split], columns=[name])[name].to_numpy()

    def batches(self, split: Split) -> Iterator[pa.Table]:
        """All columns of a split, in batches."""
        file = pq.ParquetFile(self.files[split])
        for number in range(file.num_row_groups):
            yield file.read_row_group(number)


def stage(folder: Path, batches: Iterable[tuple[Split, pa.RecordBatch]], progress: Progress) -> Staged:
    """Writes the batches of a source into a folder.

    Args:
        folder: an empty folder.
        batches: see :class:`ctrbench.prepare.impressions.Impressions`.
        progress: called with the number of rows read.
    """
    writers: dict[Split, pq.ParquetWriter] = {}
    read = dropped = 0
    try:
        for split, batch in batches:
            impossible = pc.and_(pc.equal(batch[CONVERSION], 1), pc.equal(batch[CLICK], 0))
            kept = batch.filter(pc.invert(impossible))
            read, dropped = read + batch.num_rows, dropped + batch.num_rows - kept.num_rows
            if split not in writers:
                path = folder / f"{split.name.lower()}.parquet"
                writers[split] = pq.ParquetWriter(path, batch.schema, compression="zstd", compression_level=1)
            writers[split].write_batch(kept)
            progress("rows read", read, None)
    finally:
        for writer in writers.values():
            writer.close()
    files = {split: folder / f"{split.name.lower()}.parquet" for split in Split if split in writers}
    return Staged(files=files, rows_read=read, dropped=dropped)
