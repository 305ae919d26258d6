"""From interactions to labelled rows whose histories are slices of their user's clicks.

Shapes: R interactions by user, in time order; W rows once the stored negatives are among them; V items including the reserved 0.
"""  # noqa: E501

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from ctrbench.data.schema import Split
from ctrbench.data.splitmix import mixed
from ctrbench.prepare import negatives
from ctrbench.prepare.card import NegativeSettings


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Labelled rows by user, in time order, a stored negative right after its positive. All arrays are (W,)."""

    user: NDArray[np.int32]
    item: NDArray[np.int32]
    labels: dict[str, NDArray[np.int8]]
    """Label -> value; the first label is the click."""
    start: NDArray[np.int64]
    length: NDArray[np.int32]
    time: NDArray[np.float64]
    """Seconds with their fraction, which decides the order and is left out of the file."""
    split: NDArray[np.int8]
    search_holdout: NDArray[np.int8]
    """What a search does with a training row: ``HELD_OUT``, ``LEFT_OUT`` or 0 (:mod:`ctrbench.data.schema`)."""
    origin: NDArray[np.int64]
    """The interaction that a row was made from; a negative has the interaction of its positive."""

    @property
    def click_label(self) -> str:
        """Name of the first label."""
        return next(iter(self.labels))

    @property
    def click(self) -> NDArray[np.bool_]:
        """Whether the first label is 1."""
        return np.asarray(self.labels[self.click_label] == 1)

    @property
    def trained_click(self) -> NDArray[np.bool_]:
        """Training positives: the only rows that popularity and the edges of cohorts may depend on."""
        return self.click & self.in_training

    @property
    def in_training(self) -> NDArray[np.bool_]:
        """Training rows, clicked or not: the only rows that vocabularies and the groups of cohorts may depend on."""
        return np.asarray(self.split == Split.TRAIN)

    @property
    def parts(self) -> dict[str, NDArray[np.int8]]:
        """The use of each row: its split, and whether a search is judged on it."""
        return {"split": self.split, "search_holdout": self.search_holdout}

    def exact_table(self) -> pa.Table:
        """The columns of :meth:`table`, ``time`` with its fraction of a second."""
        columns = {"user": self.user, "item": self.item, **self.labels}
        return pa.table({**columns, "start": self.start, "length": self.length, "time": self.time, **self.parts})

    def table(self) -> pa.Table:
        """The columns of ``rows.parquet``, row fields and cohorts left out."""
        exact = self.exact_table()
        place = exact.column_names.index("time")
        return exact.set_column(place, "time", pa.array(self.time.astype(np.int64)))


def order(interactions: pd.DataFrame, ties: str) -> NDArray[np.int64]:
    """Positions (R,) that sort by user, then time, then the card's rule for ties.

    Args:
        interactions: columns ``user item time`` in file order, users and items as ids.
        ties: as on the card.
    """
    user, item, time = (interactions[name].to_numpy() for name in ("user", "item", "time"))
    tie = _hashed(user, item) if ties == "hashed" else np.arange(len(user))
    return np.lexsort((tie, time, user))


def histories(
    user: NDArray[np.int32], time: NDArray[np.float64], click: NDArray[np.bool_], *, apart: bool
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Start and length (R,) of the slice of clicks before each sorted interaction.

    Args:
        user: (R,) sorted.
        time: (R,) sorted within a user.
        click: (R,) whether the interaction is part of the sequence.
        apart: leave out the clicks at the same time as the interaction.
    """
    new_user = np.diff(user, prepend=-1) != 0
    first = _latest(new_user)
    until = _latest(new_user | (np.diff(time, prepend=-1) != 0)) if apart else np.arange(len(user))
    clicks_before: NDArray[np.int64] = np.cumsum(click) - click
    start: NDArray[np.int64] = clicks_before[first]
    return start, (clicks_before[until] - start).astype(np.int32)


def with_negatives(rows: Rows, popularity: NDArray[np.int64], settings: NegativeSettings) -> Rows:
    """The rows with stored negatives after each validation and test positive.

    Args:
        rows: positives only.
        popularity: (V,) training positives of each item.
        settings: the card's settings of negatives.

    Raises:
        CtrbenchError: a user clicked nearly all items.
    """
    size = len(popularity)
    user = rows.user.astype(np.int64)
    held_out = np.isin(rows.split, (Split.VALIDATION, Split.TEST))
    drawn = negatives.draw(
        user[held_out],
        np.sort(user * size + rows.item),
        popularity,
        exponent=settings.exponent,
        per_positive=settings.per_positive,
        generator=np.random.default_rng(settings.seed),
    )
    origin = np.repeat(np.arange(len(user)), np.where(held_out, 1 + settings.per_positive, 1))
    is_positive = np.diff(origin, prepend=-1) != 0
    item = rows.item[origin]
    item[~is_positive] = drawn.ravel()
    return replace(
        rows,
        user=rows.user[origin],
        item=item,
        labels={label: np.where(is_positive, values[origin], np.int8(0)) for label, values in rows.labels.items()},
        start=rows.start[origin],
        length=rows.length[origin],
        time=rows.time[origin],
        split=rows.split[origin],
        search_holdout=rows.search_holdout[origin],
        origin=origin,
    )


def _latest(flags: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The position of the latest flag at or before each position; the first position is flagged."""
    return np.maximum.accumulate(np.where(flags, np.arange(len(flags)), 0))


def _hashed(user: NDArray[np.int32], item: NDArray[np.int32]) -> NDArray[np.uint64]:
    """A hash of user and item."""
    return mixed((user.astype(np.uint64) << np.uint64(32)) + item.astype(np.uint64))
