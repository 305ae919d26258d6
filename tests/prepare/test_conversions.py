"""The label of a click that the user repeats, and the split that keeps its days free."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import HELD_OUT, LEFT_OUT, NO_SPLIT, Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.conversions import repeated
from ctrbench.prepare.split import DAY
from ctrbench.prepare.summary import label_counts
from tests.prepare.conftest import MakeCard, PrepareText, table

SPLIT = {"rule": "calendar", "test_days": 2, "validation_days": 2, "horizon_days": 3}
FUNNEL = {"split": SPLIT, "conversion": {"days": 3}, "ties": "apart"}
"""Of 22 days: 0 to 8 train, 9 to 11 free, 12 and 13 validation, 14 to 16 free, 17 and 18 test, 19 to 21 free."""


def log(days: int = 22, users: int = 4, items: int = 12) -> str:
    """Users click one item a day; user n clicks the same item again after n + 1 days, so that user 3 is too late."""
    lines = ["user,item,time"]
    for user in range(users):
        lines += [f"u{user},i{day % (user + 1) + 3 * user % items},{day * DAY}" for day in range(days)]
    lines += [f"u9,i{item},{item * DAY}" for item in range(items)]
    return "\n".join(lines) + "\n"


def test_only_a_later_day_within_the_horizon_counts() -> None:
    days = np.array([0.1, 0.9, 3.2, 8.0, 8.0, 9.0])
    user, item = np.ones(6, int), np.array([5, 5, 5, 5, 6, 6])
    # Day 0 twice, then days 3 and 8; another item on days 8 and 9.
    assert repeated(user, item, days * DAY, 3).tolist() == [1, 1, 0, 0, 1, 0]
    assert repeated(user, item, days * DAY, 2).tolist() == [0, 0, 0, 0, 1, 0]
    assert repeated(user, item, days * DAY, 5).tolist() == [1, 1, 1, 0, 1, 0]
    assert repeated(np.arange(6), item, days * DAY, 5).tolist() == [0] * 6


@settings(database=None, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2), st.integers(1, 2), st.integers(0, 24)), min_size=1, max_size=20))
def test_repeats_equal_the_definition(rows: list[tuple[int, int, int]]) -> None:
    user, item, half_days = (np.array(column) for column in zip(*rows, strict=True))
    day = half_days // 2
    clicks = list(zip(user, item, day, strict=True))
    expected = [any((u, i) == (v, j) and 0 < later - d <= 4 for v, j, later in clicks) for u, i, d in clicks]
    assert repeated(user, item, half_days * (DAY / 2), 4).tolist() == expected


def test_a_funnel_has_both_labels_and_its_negatives_have_neither(prepare_text: PrepareText) -> None:
    done = prepare_text(log(), **FUNNEL)
    assert done.manifest.labels == ("click", "conversion")
    assert done.manifest.negatives.source == "sampled"
    rows = table(done, "rows")
    assert not rows.loc[rows["click"] == 0, "conversion"].any()
    assert set(rows.loc[rows["click"] == 0, "split"]) == {Split.VALIDATION, Split.TEST}
    by_user = rows[(rows["click"] == 1) & (rows["split"] >= 0)].groupby("user")["conversion"].mean()
    assert by_user.tolist() == [1.0, 1.0, 1.0, 0.0, 0.0]
    assert label_counts(done.folder, done.manifest)["test"] == (16, 8, 6)


def test_a_label_is_known_before_the_next_split_begins(prepare_text: PrepareText) -> None:
    """Without the rows of later splits, every label is the same."""
    rows = table(prepare_text(log(), **FUNNEL), "rows")
    rows = rows[rows["click"] == 1]
    for part, until in ((Split.TRAIN, 12), (Split.VALIDATION, 17), (Split.TEST, 22)):
        known = rows[rows["time"] < until * DAY]
        alone = repeated(known["user"], known["item"], known["time"].to_numpy(float), 3)
        own = known["split"] == part
        assert own.any()
        assert (alone[own] == known.loc[own, "conversion"]).all()
        assert (rows["split"] == part).sum() == own.sum()


def test_rows_of_free_days_are_in_no_split_but_in_later_histories(prepare_text: PrepareText) -> None:
    rows = table(prepare_text(log(), **FUNNEL), "rows")
    free = rows["time"] // DAY
    assert set(free[rows["split"] == NO_SPLIT]) == {9, 10, 11, 14, 15, 16, 19, 20, 21}
    own = rows[(rows["user"] == 1) & (rows["click"] == 1)]
    assert own["length"].tolist() == list(range(22))
    assert own["split"].tolist() == [0] * 9 + [-1] * 3 + [1] * 2 + [-1] * 3 + [2] * 2 + [-1] * 3


def test_a_search_reads_nothing_of_the_days_before_its_holdout(prepare_text: PrepareText) -> None:
    done = prepare_text(log(), **FUNNEL)
    rows = table(done, "rows")
    day, part = rows["time"] // DAY, rows["search_holdout"]
    assert set(day[part == HELD_OUT]) == {7, 8}
    assert set(day[part == LEFT_OUT]) == {4, 5, 6}
    assert done.manifest.search_holdout.rows == (part == HELD_OUT).sum()
    prepared = Prepared.read(done.folder)
    settings = DataSettings(tasks=("click", "conversion"), minimum_history=0)
    trained = {True: {0, 1, 2, 3}, False: set(range(9))}
    for search, days in trained.items():
        assert set(day[Feed(prepared, settings, search_holdout=search).training.rows.numpy()]) == days


def test_popularity_counts_training_days_alone(prepare_text: PrepareText) -> None:
    done = prepare_text(log(), **FUNNEL)
    assert table(done, "items")["popularity"].sum() == done.manifest.splits["train"].positives == 5 * 9


def test_without_a_conversion_in_a_split_the_data_are_refused(prepare_text: PrepareText) -> None:
    once = "user,item,time\n" + "".join(f"u{user},i{user}{day},{day * DAY}\n" for user in range(2) for day in range(22))
    with pytest.raises(CtrbenchError, match=r"train rows with both values of label 'conversion' are needed"):
        prepare_text(once, **FUNNEL)


def test_data_with_labels_have_no_further_conversion(prepare_text: PrepareText) -> None:
    text = "\n".join(f"{line},{'label' if not n else n % 2}" for n, line in enumerate(log().splitlines())) + "\n"
    with pytest.raises(CtrbenchError, match=r"mine: .*\[conversion\] needs data in which every row is a click"):
        prepare_text(text, **FUNNEL, options={"labels": {"click": "label"}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conversion": {"days": 4}, "split": SPLIT}, "conversion.days = 4 needs .* horizon_days of at least 4"),
        ({"conversion": {"days": 1}}, "conversion.days = 1 needs the split rule calendar"),
        ({"conversion": {"days": 0}, "split": SPLIT}, r"conversion\.days"),
        ({"split": {"rule": "last-day", "horizon_days": 3}}, "horizon_days belongs to calendar, not to last-day"),
    ],
)
def test_a_label_that_would_read_another_split_is_refused(
    make_card: MakeCard, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(CtrbenchError, match=message):
        make_card(**changes)


def test_a_card_without_conversion_and_horizon_has_the_digest_that_it_always_had(make_card: MakeCard) -> None:
    # Made before cards could have either.
    assert make_card().digest() == "ed0cb96c4667c36f91bdf17338462376647880493396bd47a4f9ea74ce370fdd"
