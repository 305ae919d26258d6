"""A prepared dataset as tensors that stay on the device.

Memory grows with interactions: a history is a slice of ``sequence``, never a padded copy.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import torch
from torch import Tensor

from ctrbench.data.integrity import verify_files
from ctrbench.data.schema import ITEMS, ROWS, SEQUENCE, TRUTH, USERS, Manifest, Source, Split, read_manifest
from ctrbench.errors import CtrbenchError

TIME = "time"
UNREAD = {TIME}
"""Columns that are not resident: histories are slices already."""
START = "start"
"""The column of int64 that is kept as int32 wherever its values fit."""


@dataclass(frozen=True)
class Prepared:
    """Resident tensors of one dataset.

    Shape:
        every tensor of ``rows`` is (R,), ``sequence`` is (clicks,), those of ``items`` are (V items,), of ``users``
        (V users,).
    """

    folder: Path
    manifest: Manifest
    rows: dict[str, Tensor]
    sequence: Tensor
    items: dict[str, Tensor]
    users: dict[str, Tensor]

    @classmethod
    def read(cls, folder: Path, device: torch.device | str = "cpu") -> "Prepared":
        """Reads and verifies a prepared dataset.

        Raises:
            CtrbenchError: it was not prepared, or a file changed since.
        """
        manifest = read_manifest(folder)
        verify_files(folder, manifest)
        rows, items, users = (_tensors(folder / name, device) for name in (ROWS, ITEMS, USERS))
        return cls(folder, manifest, rows, _tensors(folder / SEQUENCE, device)["item"], items, users)

    def of(self, source: Source) -> dict[str, Tensor]:
        """The columns of one source."""
        return {"row": self.rows, "item": self.items, "user": self.users}[source]

    def indices(self, split: Split) -> Tensor:
        """Positions (R,) of a split's rows."""
        return torch.nonzero(self.rows["split"] == split).squeeze(1)

    def per_row(self, source: Source, name: str, rows: Tensor) -> np.ndarray:
        """A column of any source, looked up for rows (R,)."""
        if source == "row":
            return self.rows[name][rows].cpu().numpy()
        return self.of(source)[name][self.rows[source][rows].long()].cpu().numpy()

    def times(self, rows: Tensor) -> Tensor:
        """Unix seconds (R,) of rows (R,), read from the file: no other tensor of them is kept."""
        return _tensor(pq.ParquetFile(self.folder / ROWS), TIME).to(rows.device)[rows]

    @property
    def true_columns(self) -> frozenset[str]:
        """The columns that :meth:`truth` reads; none if the data are not simulated."""
        path = self.folder / TRUTH
        return frozenset(pq.read_schema(path).names if path.exists() else ())

    def truth(self, column: str, rows: Tensor) -> np.ndarray:
        """True probabilities of rows (R,), which no model may see: those of a label, or another column of the truth.

        Raises:
            CtrbenchError: the data are not simulated.
        """
        path = self.folder / TRUTH
        if not path.exists():
            raise CtrbenchError(f"{self.manifest.name}: true probabilities are known for simulated data only")
        return pq.read_table(path, columns=[column])[column].to_numpy()[rows.cpu().numpy()]


def _tensors(path: Path, device: torch.device | str) -> dict[str, Tensor]:
    file = pq.ParquetFile(path)
    return {name: _tensor(file, name).to(device) for name in file.schema_arrow.names if name not in UNREAD}


def _tensor(file: pq.ParquetFile, name: str) -> Tensor:
    values = file.read(columns=[name])[name].to_numpy()
    if name == START and len(values) and values.max() <= np.iinfo(np.int32).max:
        values = values.astype(np.int32)  # of 50 million rows it is the largest column
    return torch.from_numpy(values if values.flags.writeable else values.copy())
