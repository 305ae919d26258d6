"""The driver: every job once, whatever fails, dies or works beside it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import RunContext, drive, failure_line
from ctrbench.execution.handover import Assignment
from ctrbench.execution.local import LocalExecutor
from ctrbench.execution.order import Order
from ctrbench.planning.status import status
from ctrbench.store.store import Store
from ctrbench.store.work import WorkFolder
from tests.fakes import prepared, registries
from tests.fakes import work as fakes

ROOT = Path(__file__).parents[2]
DEFAULTS = registries.registries().defaults()


@pytest.fixture
def place(tmp_path):
    """A folder with ``data/toy`` prepared."""
    prepared.prepare(tmp_path / "data")
    return tmp_path


@contextmanager
def command(place, jobs):
    """A driver of the toy recipe in a process group of its own."""
    arguments = [sys.executable, "-m", "tests.fakes.work", str(place), str(jobs)]
    process = subprocess.Popen(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(process, condition):
    while not condition():
        assert process.poll() is None, "the driver ended too early"
        time.sleep(0.01)


def context(place, work=fakes.work):
    return RunContext(Store.of(place / "results"), LocalExecutor(place / "data"), work, DEFAULTS)


def entries(place):
    """Identity -> record, facts and predictions of every finished job."""
    folder = Store.of(place / "results").work
    return {each: (folder.read(each), folder.read_predictions(each).to_pydict()) for each in folder.identities()}


def undisturbed(tmp_path, **changes):
    """What the toy recipe leaves where nothing disturbs it."""
    place = tmp_path / "undisturbed"
    prepared.prepare(place / "data")
    fakes.drive_toy(place, **changes)
    return entries(place)


def test_every_job_is_made_once(place):
    plan, store, outcomes = fakes.drive_toy(place)
    assert [outcome.status for outcome in outcomes] == ["finished"] * 4
    assert [outcome.job for outcome in outcomes] == list(plan.jobs)
    assert store.work.identities() == sorted(job.identity for job in plan.jobs)
    assert list((place / "results" / "work" / "jobs").iterdir()) == []
    before = fakes.log(place / "data")
    assert fakes.drive_toy(place)[2] == []
    assert fakes.log(place / "data") == before


def test_two_jobs_side_by_side_leave_what_one_leaves(place, tmp_path):
    fakes.drive_toy(place, jobs=2)
    assert entries(place) == undisturbed(tmp_path)
    assert len(entries(place)) == 4


def test_a_job_that_diverges_is_noted_and_the_others_go_on(place):
    plan, store, outcomes = fakes.drive_toy(place, methods=["plain", "diverging", "weighted"], seeds=1)
    assert [(each.status, each.diverged) for each in outcomes] == [
        ("finished", False),
        ("failed", True),
        ("finished", False),
    ]
    assert failure_line(outcomes) == (
        "1 of 3 jobs failed; toy net diverging seed 0: the loss is not finite in epoch 2; "
        "the same command tries them again"
    )
    standing = status(plan, store)
    assert (len(standing.done), len(standing.left)) == (2, 1)
    assert [cause for _, cause in standing.failed] == ["the loss is not finite in epoch 2"]
    failure = store.work.failure(plan.jobs[1].identity)
    assert failure.config == plan.jobs[1].config
    assert "work.py" in failure.traceback


def test_a_failure_is_forgotten_when_a_later_attempt_succeeds(place):
    (place / "data" / "pause").write_text("soon")
    plan, store, outcomes = fakes.drive_toy(place, seeds=1)
    assert outcomes[0].cause == "ValueError: could not convert string to float: 'soon'"
    assert not outcomes[0].diverged
    (place / "data" / "pause").unlink()
    assert failure_line(fakes.drive_toy(place, seeds=1)[2]) is None
    assert status(plan, store).failed == []


def test_jobs_on_data_that_changed_are_stale_and_made_again(place):
    _, store, _ = fakes.drive_toy(place)
    prepared.prepare(place / "data", items=4)
    standing = status(fakes.toy_plan(place), store)
    assert (len(standing.done), len(standing.left), standing.stale) == (0, 4, 4)
    assert len(fakes.drive_toy(place)[2]) == 4


def test_a_results_folder_that_cannot_be_written(place):
    (place / "results").write_text("a file")
    with pytest.raises(CtrbenchError, match="cannot be written"):
        fakes.drive_toy(place)
    assert fakes.log(place / "data") == []


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_killed_and_resumed_with_another_number_of_jobs_ends_with_the_same_bits(place, tmp_path, before, after):
    data, folder = place / "data", Store.of(place / "results").work
    (data / "pause").write_text("0.15")
    with command(place, before) as process:
        wait_for(process, lambda: folder.identities() and "epoch 2" in fakes.log(data)[-1])
        os.killpg(process.pid, signal.SIGKILL)
    (data / "pause").unlink()
    finished = [folder.read(identity)[0] for identity in folder.identities()]
    assert 0 < len(finished) < 4
    fakes.drive_toy(place, jobs=after)
    counts = Counter(fakes.log(data))
    assert {counts[f"{record.method}-{record.seed} measured"] for record in finished} == {1}
    # A kill between an epoch's line and its checkpoint repeats that epoch; no other is repeated.
    assert sum(count - 1 for count in counts.values()) <= before
    assert entries(place) == undisturbed(tmp_path)


def test_two_drivers_of_one_recipe_share_its_jobs_and_both_end_well(place, tmp_path):
    (place / "data" / "pause").write_text("0.05")
    with command(place, 1) as first, command(place, 1) as second:
        assert (first.wait(), second.wait()) == (0, 0)
    counts = Counter(fakes.log(place / "data"))
    assert len(counts) == 4 * 5
    assert set(counts.values()) == {1}
    assert entries(place) == undisturbed(tmp_path)


def test_a_job_whose_driver_dies_is_taken_over(place, monkeypatch):
    data = place / "data"
    (data / "pause").write_text("0.2")
    plan, here = fakes.toy_plan(place, seeds=1, methods=["plain"]), context(place)
    waited = []
    with command(place, 1) as other:
        wait_for(other, lambda: here.store.work.checkpoint(plan.jobs[0].identity))

        def other_dies(seconds):
            waited.append(seconds)
            (data / "pause").unlink()
            os.killpg(other.pid, signal.SIGKILL)
            other.wait()

        monkeypatch.setattr("ctrbench.execution.drive.time.sleep", other_dies)
        (outcome,) = drive(plan.jobs, here)
    assert (outcome.status, len(waited)) == ("finished", 1)
    counts = Counter(line for line in fakes.log(data) if line.startswith("plain-0"))
    assert set(counts) == {"plain-0 measured", *(f"plain-0 epoch {epoch}" for epoch in range(1, 5))}
    assert counts["plain-0 epoch 1"] == 1


def test_a_job_held_by_another_driver_is_awaited_and_its_record_found(place, monkeypatch):
    plan, store, (made,) = fakes.drive_toy(place, seeds=1, methods=["plain"])
    (job,) = plan.jobs
    entry, predictions = store.read(job.identity, job.names), store.work.read_predictions(job.identity)
    store.work.discard(job.identity)
    holder = store.work.claim(job.identity)
    assert holder.__enter__()

    def other_driver_ends(_):
        store.work.write(entry.record, entry.facts, predictions, None)
        holder.__exit__(None, None, None)

    monkeypatch.setattr("ctrbench.execution.drive.time.sleep", other_driver_ends)
    before, seen = fakes.log(place / "data"), []
    outcomes = drive(plan.jobs, context(place), on_outcome=seen.append)
    assert [outcome.record for outcome in outcomes] == [made.record]
    assert seen == outcomes
    assert fakes.log(place / "data") == before


def test_other_jobs_are_made_before_one_that_is_held_is_awaited(place, monkeypatch):
    plan, here = fakes.toy_plan(place), context(place)
    holder = WorkFolder(here.store.work.folder).claim(plan.jobs[0].identity)
    assert holder.__enter__()
    made = []

    def other_driver_dies(_):
        made.extend(here.store.work.identities())
        holder.__exit__(None, None, None)

    monkeypatch.setattr("ctrbench.execution.drive.time.sleep", other_driver_dies)
    outcomes = drive(plan.jobs, here)
    assert len(made) == 3
    assert [outcome.job for outcome in outcomes] == [*plan.jobs[1:], plan.jobs[0]]


def test_an_interrupt_frees_the_jobs_under_way_and_keeps_their_checkpoints(place, tmp_path, monkeypatch):
    plan, here = fakes.toy_plan(place), context(place)
    work = type(here.store.work)
    write = work.write_progress

    def interrupted(self, identity, progress):
        write(self, identity, progress)
        if (identity, progress.epoch) == (plan.jobs[1].identity, 2):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work, "write_progress", interrupted)
        with pytest.raises(KeyboardInterrupt):
            drive(plan.jobs, here)
    assert here.store.work.identities() == [plan.jobs[0].identity]
    assert here.store.work.progress(plan.jobs[1].identity).epoch == 2
    with here.store.work.claim(plan.jobs[1].identity) as free:
        assert free
    drive(plan.jobs, here)
    assert set(Counter(fakes.log(place / "data")).values()) == {1}
    assert entries(place) == undisturbed(tmp_path)


def test_a_damaged_checkpoint_fails_its_job_alone(place):
    plan, here = fakes.toy_plan(place), context(place)
    here.store.work.write_checkpoint(plan.jobs[1].identity, b"damaged")
    outcomes = drive(plan.jobs, here)
    assert [outcome.status for outcome in outcomes] == ["finished", "failed", "finished", "finished"]


@pytest.fixture
def progress(monkeypatch):
    """Progress as it is written, on a clock on which a line of the fake work's log takes ten seconds."""
    seen = []
    write = WorkFolder.write_progress
    monkeypatch.setattr(
        WorkFolder,
        "write_progress",
        lambda folder, identity, progress: (seen.append(progress), write(folder, identity, progress)),
    )
    clock = [1000.0]
    note = fakes.note

    def slowly(data, line):
        clock[0] += 10
        note(data, line)

    monkeypatch.setattr(fakes, "note", slowly)
    monkeypatch.setattr("ctrbench.execution.drive.time.time", lambda: clock[0])
    return seen


def test_progress_is_written_from_before_the_first_epoch(place, progress):
    fakes.drive_toy(place, seeds=1, methods=["plain"])
    assert [(each.epoch, each.at_most) for each in progress] == [(epoch, 4) for epoch in range(5)]
    assert [each.seconds_per_epoch for each in progress] == [None, 10, 10, 10, 10]


def test_a_resumed_job_times_the_epochs_of_this_attempt_alone(place, progress):
    plan, here = fakes.toy_plan(place, seeds=1, methods=["plain"]), context(place)
    (job,) = plan.jobs
    order = Order(job, DEFAULTS)
    steps = fakes.work(Assignment(job.identity, "toy", order), place / "data")
    for handover in (next(steps), next(steps), next(steps)):
        if handover.checkpoint:
            here.store.work.write_checkpoint(job.identity, handover.checkpoint)
    drive(plan.jobs, here)
    assert [(each.epoch, each.seconds_per_epoch) for each in progress] == [(2, None), (3, 10), (4, 10)]


def test_a_finished_job_is_plain_json(place):
    _, store, _ = fakes.drive_toy(place, seeds=1, methods=["plain"])
    (identity,) = store.work.identities()
    document = json.loads((place / "results" / "work" / "finished" / f"{identity}.json").read_text())
    assert document["record"]["identity"] == identity
    assert document["record"]["method"] == "plain"
