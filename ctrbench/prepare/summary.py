"""The manifest's summary of the rows: counts of the splits and the cut by activeness.

Source: AQCL figure 2 (60 / 30 / 10 % of users by click length). Shape: W rows by user, in time order.
"""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ctrbench.data.schema import HELD_OUT, ROWS, Activeness, Manifest, Split, SplitCounts


def split_counts(split: NDArray[np.int8], click: NDArray[np.bool_]) -> dict[str, SplitCounts]:
    """Rows and positives of each split, from (W,) columns."""
    return {
        part.name.lower(): SplitCounts(rows=int((split == part).sum()), positives=int(click[split == part].sum()))
        for part in Split
    }


def label_counts(folder: Path, manifest: Manifest) -> dict[str, tuple[int, ...]]:
    """Rows of each split of a prepared dataset, then its rows with label 1, label by label."""
    table = pq.read_table(folder / ROWS, columns=["split", *manifest.labels])
    split = table["split"].to_numpy()
    return {
        part.name.lower(): (
            int((split == part).sum()),
            *(int(table[label].to_numpy()[split == part].sum()) for label in manifest.labels),
        )
        for part in Split
    }


def search_holdout_counts(search_holdout: NDArray[np.int8], click: NDArray[np.bool_]) -> SplitCounts:
    """Rows and positives of the search holdout, from (W,) columns."""
    judged = search_holdout == HELD_OUT
    return SplitCounts(rows=int(judged.sum()), positives=int(click[judged].sum()))


def first_test_lengths(
    user: NDArray[np.int32], length: NDArray[np.int32], split: NDArray[np.int8]
) -> NDArray[np.int32]:
    """Click length of each test user: that of the user's first test row, from (W,) columns."""
    test = split == Split.TEST
    _, first = np.unique(user[test], return_index=True)
    return np.asarray(length[test][first])


def activeness(test_users: NDArray[np.int32]) -> Activeness:
    """The cut of test users by click length: lowest 60 %, next 30 %, top 10 %; ties go to the lower group.

    Args:
        test_users: click length of each test user, at least one.
    """
    ordered = np.sort(test_users)
    low, high = (int(ordered[-(-len(ordered) * percent // 100) - 1]) for percent in (60, 90))
    groups = np.searchsorted([low, high], ordered, side="left")
    first, second, third = (np.bincount(groups, minlength=3) / len(ordered)).tolist()
    return Activeness(cutoffs=(low, high), shares=(first, second, third))


def activeness_curve(test_users: NDArray[np.int32]) -> tuple[int, ...]:
    """Click length at each percentile from 0 to 100 of the test users (one or more); each value is that of a user."""
    return tuple(np.percentile(test_users, range(101), method="lower").astype(int).tolist())
