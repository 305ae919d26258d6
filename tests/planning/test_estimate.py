import pytest

from ctrbench.planning.estimate import Left, Pace, Remaining, remaining
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.work import Progress

PLAIN, AQCL = RowKey("toy", "net", "plain"), RowKey("toy", "net", "aqcl")


def progress(epoch, seconds):
    return Progress(epoch=epoch, at_most=30, seconds_per_epoch=seconds, updated=0)


def test_nothing_is_said_before_an_epoch_was_measured():
    assert remaining([Left(PLAIN, 30)], [], 1) is None
    assert remaining([Left(PLAIN, 30, progress(0, None))], [], 1) is None


def test_without_a_finished_run_the_greatest_number_of_epochs_counts():
    left = [Left(PLAIN, 30, progress(10, 2.0)), Left(PLAIN, 30)]
    assert remaining(left, [], 1) == Remaining(20 * 2.0 + 30 * 2.0, bound=True)


def test_a_finished_run_of_the_row_gives_its_epochs_and_pace():
    left = [Left(PLAIN, 30), Left(AQCL, 30)]
    paces = [Pace(PLAIN, 10, 20.0), Pace(PLAIN, 20, 40.0), Pace(AQCL, 12, 60.0)]
    assert remaining(left, paces, 1) == Remaining(15 * 2.0 + 12 * 5.0, bound=False)


def test_a_timed_row_without_a_finished_run_takes_the_others_epochs_at_its_own_pace():
    left = [Left(AQCL, 30, progress(1, 5.0)), Left(AQCL, 30)]
    assert remaining(left, [Pace(PLAIN, 10, 20.0)], 1) == Remaining(9 * 5.0 + 10 * 5.0, bound=False)


def test_a_row_that_is_not_timed_is_told_and_not_taken_for_as_fast_as_another():
    left = [Left(PLAIN, 30), Left(AQCL, 30, progress(0, None)), Left(AQCL, 30)]
    found = remaining(left, [Pace(PLAIN, 10, 20.0)], 1)
    assert found == Remaining(10 * 2.0, bound=False, untimed=2)
    assert str(found) == "about 20 s left + 2 untimed jobs"
    assert remaining(left[1:], [Pace(PLAIN, 10, 20.0)], 1) is None


def test_a_run_of_another_command_gives_epochs_but_no_pace():
    assert remaining([Left(PLAIN, 30)], [Pace(PLAIN, 10, None)], 1) is None
    left = [Left(PLAIN, 30, progress(4, 3.0))]
    assert remaining(left, [Pace(PLAIN, 10, None)], 1) == Remaining(6 * 3.0, bound=False)


def test_jobs_share_the_work_but_not_one_run():
    paces = [Pace(PLAIN, 10, 10.0)]
    assert remaining([Left(PLAIN, 30)] * 4, paces, 2).seconds == pytest.approx(20.0)
    assert remaining([Left(PLAIN, 30)], paces, 2).seconds == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(42.4, "about 42 s left"), (95, "about 95 s left"), (240, "about 4 min left"), (7500, "about 2 h 05 min left")],
)
def test_text(seconds, text):
    assert str(Remaining(seconds, bound=False)) == text
    assert str(Remaining(seconds, bound=True)) == text.replace("about", "at most")


def test_runs_that_are_not_timed_leave_no_bound():
    left = [Left(PLAIN, 30, progress(10, 2.0)), Left(AQCL, 30)]
    assert str(remaining(left, [], 1)) == "about 40 s left + 1 untimed job"


@pytest.mark.parametrize(("since", "seconds"), [(0.0, 6.0), (0.5, 5.5), (2.0, 4.0), (90.0, 4.0)])
def test_time_passes_within_an_epoch_and_no_further(since, seconds):
    assert remaining([Left(PLAIN, 5, progress(2, 2.0), since)], [], 1).seconds == seconds
