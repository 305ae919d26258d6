"""Rules that divide interactions into train, validation and test.

Shape: R interactions, sorted by user, then time. Every rule keeps a user's splits in the order train, validation, test;
rows in no split may lie between and after them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ctrbench.data.schema import HELD_OUT, LEFT_OUT, NO_SPLIT, Split
from ctrbench.errors import CtrbenchError
from ctrbench.prepare.card import SplitSettings

DAY = 86_400


def leave_last_out(user: NDArray[np.int32], click: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Per user: the last click is test, the click before it validation, the rest train.

    A user with two clicks has no validation row (train, test), a user with one click has only training rows. A row that
    was not clicked goes with the user's next click, or with the last click if none follows.

    Returns:
        (R,) values of :class:`Split`.
    """
    first = np.searchsorted(user, user, side="left")
    after = np.searchsorted(user, user, side="right")
    clicks_before = np.concatenate([[0], np.cumsum(click)])
    clicks = clicks_before[after] - clicks_before[first]
    from_here = np.maximum(clicks_before[after] - clicks_before[:-1], 1)
    split = np.full(len(user), Split.TRAIN, np.int8)
    split[(from_here == 2) & (clicks > 2)] = Split.VALIDATION
    split[(from_here == 1) & (clicks > 1)] = Split.TEST
    return split


def last_day(user: NDArray[np.int32], time: NDArray[np.float64]) -> NDArray[np.int8]:
    """Per user: the last day (UTC) with a row is test, the day before it validation, the rest train.

    A user with two days has no training row, a user with one day has only test rows: on that day the user is new.

    Args:
        user: (R,) sorted.
        time: (R,) seconds, sorted within a user.

    Returns:
        (R,) values of :class:`Split`.
    """
    new_day = (np.diff(user, prepend=-1) != 0) | (np.diff(time // DAY, prepend=-1) != 0)
    day = np.cumsum(new_day)
    last = day[np.searchsorted(user, user, side="right") - 1]
    split = np.full(len(user), Split.TRAIN, np.int8)
    split[day == last - 1] = Split.VALIDATION
    split[day == last] = Split.TEST
    return split


def calendar(
    time: NDArray[np.float64], first_test_day: int, validation_days: int, horizon_days: int = 0
) -> NDArray[np.int8]:
    """A day (UTC) and those after it are test, the days before it validation.

    Args:
        time: (R,) seconds.
        first_test_day: counted from the same start as ``time``.
        validation_days: number of validation days.
        horizon_days: number of days in no split before the validation days, and again before the test days.

    Returns:
        (R,) values of :class:`Split`, or ``NO_SPLIT``.
    """
    after_validation = first_test_day - horizon_days
    first_validation_day = after_validation - validation_days
    day = time // DAY
    split = np.full(len(time), Split.TRAIN, np.int8)
    split[day >= first_validation_day - horizon_days] = NO_SPLIT
    split[day >= first_validation_day] = Split.VALIDATION
    split[day >= after_validation] = NO_SPLIT
    split[day >= first_test_day] = Split.TEST
    return split


def _last_days(time: NDArray[np.float64], settings: SplitSettings) -> NDArray[np.int8]:
    horizon = settings.horizon_days or 0
    after_test = int(time.max()) // DAY + 1 - horizon
    split = calendar(time, after_test - settings.test_days, settings.validation_days, horizon)
    split[time // DAY >= after_test] = NO_SPLIT
    return split


Rule = Callable[[NDArray[np.int32], NDArray[np.float64], NDArray[np.bool_], SplitSettings], NDArray[np.int8]]

RULES: dict[str, tuple[Rule, str]] = {
    "leave-last-out": (
        lambda user, _time, click, _settings: leave_last_out(user, click),
        "per user in time order: last click test, the one before validation, rest train",
    ),
    "last-day": (
        lambda user, time, _click, _settings: last_day(user, time),
        "per user: last day with an interaction test, the one before validation, rest train",
    ),
    "calendar": (
        lambda _user, time, _click, settings: _last_days(time, settings),
        "by calendar: last {test_days} days test, the {validation_days} before validation, rest train",
    ),
}
"""Name on the card -> rule and its sentence in the report's footer."""

FREE_DAYS = (
    "by calendar: {test_days} days test, {validation_days} before them validation, those before train; the "
    "{horizon_days} days after train, after validation and after test are in no split"
)
"""The sentence of a calendar with a horizon."""


def assign(
    user: NDArray[np.int32], time: NDArray[np.float64], click: NDArray[np.bool_], settings: SplitSettings
) -> NDArray[np.int8]:
    """The split (R,) of each interaction by the card's rule.

    Raises:
        CtrbenchError: the rule divides files, not interactions.
    """
    if settings.rule not in RULES:
        raise CtrbenchError(f"split {settings.rule!r} needs a format with a test file; choose {', '.join(RULES)}")
    return RULES[settings.rule][0](user, time, click, settings)


def search_holdout(
    user: NDArray[np.int32],
    time: NDArray[np.float64],
    click: NDArray[np.bool_],
    split: NDArray[np.int8],
    settings: SplitSettings,
) -> NDArray[np.int8]:
    """``HELD_OUT`` on the rows (R,) that the rule would make test if applied to the training rows alone, ``LEFT_OUT``
    on those of the ``horizon_days`` days before them, else 0.

    Applied to the training rows, the rule keeps no days free at their end: the days after training are free already.
    """
    held_out = np.zeros(len(split), np.int8)
    train = split == Split.TRAIN
    if not train.any():
        return held_out
    alone = settings.model_copy(update={"horizon_days": None})
    held_out[train] = np.where(assign(user[train], time[train], click[train], alone) == Split.TEST, HELD_OUT, 0)
    if settings.horizon_days:
        first_day = time[held_out == HELD_OUT].min() // DAY
        before = train & (held_out != HELD_OUT) & (time // DAY >= first_day - settings.horizon_days)
        held_out[before] = LEFT_OUT
    return held_out


def sentence(settings: SplitSettings) -> str:
    """The rule as a sentence."""
    text = FREE_DAYS if settings.horizon_days else RULES[settings.rule][1]
    return text.format(**settings.model_dump())
