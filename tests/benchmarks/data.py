"""The rows that every contestant trains on: DIN on Beauty, one fixed negative per positive."""

from dataclasses import dataclass

from torch import Tensor

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings

BATCH, DIMENSION, ATTENTION, HIDDEN, HISTORY, DROPOUT, RATE = 1024, 32, 36, (128, 64), 50, 0.2, 1e-3


@dataclass(frozen=True)
class Rows:
    """Plain tensors (E,): what a script would hold before its loop."""

    user: Tensor
    item: Tensor
    start: Tensor
    length: Tensor
    label: Tensor


def settings() -> DataSettings:
    return DataSettings(negatives="fixed", history_length=HISTORY)


def rows_of(prepared: Prepared, split: Split) -> Rows:
    """The engine's own examples of a split, negatives included, as plain tensors."""
    feed = Feed(prepared, settings())
    feed.unlock(Split.TEST)
    examples = feed.epoch(0, 1) if split == Split.TRAIN else feed.split(split)
    columns = prepared.rows
    full = columns["length"][examples.rows].long()
    length = full.clamp(max=HISTORY)
    return Rows(
        user=columns["user"][examples.rows].long(),
        item=examples.items.long(),
        start=columns["start"][examples.rows] + full - length,
        length=length,
        label=examples.labels[:, 0],
    )
