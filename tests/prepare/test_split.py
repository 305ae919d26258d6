from typing import Literal

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ctrbench.data.schema import HELD_OUT, LEFT_OUT, NO_SPLIT, Split
from ctrbench.prepare.card import SplitSettings
from ctrbench.prepare.split import DAY, assign, calendar, last_day, leave_last_out, search_holdout, sentence

TRAIN, VALIDATION, TEST = Split


def test_leave_last_out_by_number_of_clicks() -> None:
    user = np.repeat([1, 2, 3, 4], [4, 3, 2, 1]).astype(np.int32)
    expected = [TRAIN, TRAIN, VALIDATION, TEST, TRAIN, VALIDATION, TEST, TRAIN, TEST, TRAIN]
    assert leave_last_out(user, np.ones(10, bool)).tolist() == expected


def test_a_row_not_clicked_goes_with_the_next_click_and_the_last_ones_with_the_last() -> None:
    click = np.array([0, 1, 0, 0, 1, 0, 1, 0], bool)
    expected = [TRAIN, TRAIN, VALIDATION, VALIDATION, VALIDATION, TEST, TEST, TEST]
    assert leave_last_out(np.ones(8, np.int32), click).tolist() == expected


def test_a_user_without_a_click_is_all_train() -> None:
    assert leave_last_out(np.ones(3, np.int32), np.zeros(3, bool)).tolist() == [TRAIN] * 3


@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=40))
def test_leave_last_out_holds_out_one_click_each_in_order(rows: list[tuple[int, bool]]) -> None:
    rows.sort(key=lambda row: row[0])
    user, click = np.array([u for u, _ in rows], np.int32), np.array([c for _, c in rows])
    split = leave_last_out(user, click)
    for one in np.unique(user):
        of_user, clicks = split[user == one], split[(user == one) & click]
        assert (np.diff(of_user) >= 0).all()
        assert (clicks == TEST).sum() == (len(clicks) > 1)
        assert (clicks == VALIDATION).sum() == (len(clicks) > 2)


def test_last_day_by_number_of_days() -> None:
    user = np.array([1, 1, 1, 1, 2, 2, 3, 3], np.int32)
    time = np.array([0, 5, 3 * DAY, 9 * DAY, 8 * DAY, 9 * DAY, 9 * DAY, 10 * DAY - 1])
    expected = [TRAIN, TRAIN, VALIDATION, TEST, VALIDATION, TEST, TEST, TEST]
    assert last_day(user, time).tolist() == expected
    settings = SplitSettings(rule="last-day")
    assert assign(user, time, np.ones(8, bool), settings).tolist() == expected
    assert "last day" in sentence(settings)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=40))
def test_last_day_holds_out_whole_days_of_each_user(rows: list[tuple[int, int, int]]) -> None:
    rows.sort()
    user, day = np.array([u for u, _, _ in rows], np.int32), np.array([d for _, d, _ in rows])
    split = last_day(user, day * DAY + np.array([hour * 3600.0 for _, _, hour in rows]))
    for one in np.unique(user):
        mine, days = user == one, np.unique(day[user == one])
        assert (split[mine & (day == days[-1])] == TEST).all()
        assert (split[mine & np.isin(day, days[-2:-1])] == VALIDATION).all()
        assert (split[mine & np.isin(day, days[:-2])] == TRAIN).all()


def test_calendar_cuts_at_midnight_counted_from_the_last_day() -> None:
    time = np.array([5 * DAY, 6 * DAY - 1, 6 * DAY, 7 * DAY - 1, 7 * DAY, 8 * DAY + 5])
    settings = SplitSettings(rule="calendar", test_days=2, validation_days=1)
    user, click = np.ones(6, np.int32), np.ones(6, bool)
    assert assign(user, time, click, settings).tolist() == [TRAIN, TRAIN, VALIDATION, VALIDATION, TEST, TEST]


def test_calendar_goes_by_the_first_test_day_whatever_the_last_row_is() -> None:
    time = np.array([4 * DAY, 5 * DAY - 0.5, 5 * DAY, 6 * DAY + 5])
    assert calendar(time, 6, 1).tolist() == [TRAIN, TRAIN, VALIDATION, TEST]
    assert calendar(time[:3], 6, 1).tolist() == [TRAIN, TRAIN, VALIDATION]


def held_out(settings: SplitSettings, user: list[int], time: list[float], click: list[int]) -> list[int]:
    columns = np.array(user, np.int32), np.array(time), np.array(click, bool)
    return search_holdout(*columns, assign(*columns, settings), settings).tolist()


def test_leave_last_out_sets_each_users_last_training_click_aside() -> None:
    # Users of five, four, three, two and one clicks: three, two, one, one and one of them in training.
    user = np.repeat([1, 2, 3, 4, 5], [5, 4, 3, 2, 1]).tolist()
    expected = [*(0, 0, 1, 0, 0), *(0, 1, 0, 0), *(0, 0, 0), *(0, 0), 0]
    settings = SplitSettings(rule="leave-last-out")
    assert held_out(settings, user, list(range(15)), [1] * 15) == expected
    # Rows that were not clicked go with the next training click, those of no training click stay.
    click = [0, 1, 0, 1, 0, 1, 1, 0]
    assert held_out(settings, [1] * 8, list(range(8)), click) == [0, 0, 1, 1, 0, 0, 0, 0]
    assert held_out(settings, [1] * 3, list(range(3)), [0, 0, 0]) == [0, 0, 0]


def test_last_day_sets_each_users_last_training_day_aside() -> None:
    # User 1: four days of which two train; user 2: three days of which one trains; user 3: two days, none trains.
    user = [1] * 5 + [2] * 4 + [3] * 2
    days = [*(0, 1, 1.5, 2, 3), *(0, 0.5, 1, 2), *(0, 1)]
    expected = [*(0, 1, 1, 0, 0), *(1, 1, 0, 0), *(0, 0)]
    assert held_out(SplitSettings(rule="last-day"), user, [day * DAY for day in days], [1] * 11) == expected


def test_calendar_sets_the_last_training_days_aside_as_many_as_test_has() -> None:
    days = [0, 2.9, 3, 4, 4.9, 5, 6, 7.5]
    settings = SplitSettings(rule="calendar", test_days=2, validation_days=1)
    # Days 6 and 7 are test, 5 validation, 3 and 4 set aside.
    assert held_out(settings, [1] * 8, [day * DAY for day in days], [1] * 8) == [0, 0, 1, 1, 1, 0, 0, 0]


def test_without_a_training_row_none_is_set_aside() -> None:
    assert held_out(SplitSettings(rule="last-day"), [1, 2], [0.0, 0.0], [1, 1]) == [0, 0]


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6), st.booleans()), min_size=1, max_size=40),
    st.sampled_from(["leave-last-out", "last-day", "calendar"]),
)
def test_rows_set_aside_are_the_test_rows_of_the_training_rows_alone(
    rows: list[tuple[int, int, bool]], rule: Literal["leave-last-out", "last-day", "calendar"]
) -> None:
    rows.sort()
    days = {"test_days": 1, "validation_days": 2} if rule == "calendar" else {}
    settings = SplitSettings(rule=rule, **days)
    user, day, click = (np.array(column) for column in zip(*rows, strict=True))
    time = day * DAY
    aside = np.array(held_out(settings, user.tolist(), time.tolist(), click.tolist()))
    train = assign(user, time, click, settings) == TRAIN
    assert not aside[~train].any()
    if train.any():
        alone = assign(user[train], time[train], click[train], settings)
        assert (aside[train] == (alone == TEST)).all()
    # What is set aside comes last: no training row of the user follows it.
    for one in np.unique(user):
        assert (np.diff(aside[train & (user == one)]) >= 0).all()


def test_the_sentence_names_the_days() -> None:
    settings = SplitSettings(rule="calendar", test_days=10, validation_days=7)
    assert sentence(settings) == "by calendar: last 10 days test, the 7 before validation, rest train"


def test_a_horizon_keeps_days_free_after_each_split() -> None:
    time = np.arange(14) * DAY + 7.0
    settings = SplitSettings(rule="calendar", test_days=1, validation_days=2, horizon_days=2)
    columns = np.ones(14, np.int32), time, np.ones(14, bool)
    split = assign(*columns, settings)
    expected = [*[TRAIN] * 5, *[NO_SPLIT] * 2, *[VALIDATION] * 2, *[NO_SPLIT] * 2, TEST, *[NO_SPLIT] * 2]
    assert split.tolist() == expected
    # The last training day is the holdout; its labels end before validation begins, as those of all training rows do.
    aside = search_holdout(*columns, split, settings)
    assert aside.tolist() == [0, 0, LEFT_OUT, LEFT_OUT, HELD_OUT] + [0] * 9
    assert settings.days_beside_training == 14 - 5


def test_the_sentence_of_a_horizon_names_its_days() -> None:
    settings = SplitSettings(rule="calendar", test_days=10, validation_days=7, horizon_days=5)
    assert sentence(settings) == (
        "by calendar: 10 days test, 7 before them validation, those before train; the 5 days after train, after "
        "validation and after test are in no split"
    )
