"""The rows that every library trains on and predicts, written once to an npz file.

They are the engine's own: the first of :data:`PARTS` equal parts of its first epoch on Amazon Beauty (histories of the
last 50 clicks, one fixed negative per positive), in the order in which the engine trains on them, and the whole test
split.
"""

import json
from pathlib import Path

import numpy as np
import torch

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from tests.benchmarks.data import ATTENTION, BATCH, DIMENSION, DROPOUT, HIDDEN, HISTORY, RATE, Rows, rows_of
from tests.benchmarks.padded import pad

PARTS = 2
"""An epoch is cut into so many parts, of which the first is measured."""
WARM_UP = 4
"""Batches behind the measured ones on which everybody warms up."""


def measured_batches(rows: int) -> int:
    """Batches of the first part of an epoch of this many rows, as the engine cuts it."""
    return -(-rows // BATCH) // PARTS


def padded(rows: Rows, sequence: torch.Tensor) -> dict[str, np.ndarray]:
    """The columns by name; histories (E, 50) with 0 behind the last click."""
    return {
        "user": rows.user.numpy(),
        "item": rows.item.numpy(),
        "history": pad(rows, sequence).numpy(),
        "length": rows.length.numpy(),
        "label": rows.label.numpy(),
    }


def write(prepared: Prepared, path: Path) -> None:
    """Writes the measured rows, those of the warm-up and the test rows, with the sizes of the models."""
    sequence = prepared.sequence.long()
    train = padded(rows_of(prepared, Split.TRAIN), sequence)
    end = measured_batches(len(train["label"])) * BATCH
    parts = {
        "train": {name: values[:end] for name, values in train.items()},
        "warm_up": {name: values[end : end + WARM_UP * BATCH] for name, values in train.items()},
        "test": padded(rows_of(prepared, Split.TEST), sequence),
    }
    sizes = {
        "users": prepared.manifest.users + 1,
        "items": prepared.manifest.items + 1,
        "batch": BATCH,
        "embedding": DIMENSION,
        "attention": ATTENTION,
        "hidden": HIDDEN,
        "history": HISTORY,
        "dropout": DROPOUT,
        "rate": RATE,
    }
    arrays = {f"{part}_{name}": values for part, columns in parts.items() for name, values in columns.items()}
    np.savez(path, sizes=np.array(json.dumps(sizes)), **arrays)
