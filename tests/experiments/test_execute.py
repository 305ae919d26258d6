import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.execute import Site, execute, failure_line
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import make_plan
from ctrbench.experiments.status import status
from tests.experiments import fakes

ROOT = Path(__file__).parents[2]


def command(place, jobs):
    """The toy recipe in a process group of its own."""
    # Jobs set torch's threads, and importing the real one takes longer than all else that this command does.
    (place / "stubs").mkdir(exist_ok=True)
    (place / "stubs" / "torch.py").write_text("def set_num_threads(threads): pass\n")
    return subprocess.Popen(
        [sys.executable, "-m", "tests.experiments.fakes", str(place), str(jobs)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(place / "stubs")},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def documents(ledger):
    return {identity: ledger.read(identity) for identity in ledger.identities()}


def test_all_runs_are_made_once(place):
    plan, ledger, outcomes = fakes.make(place)
    assert [outcome.status for outcome in outcomes] == ["finished"] * 4
    assert [outcome.run for outcome in outcomes] == list(plan.runs)
    assert sorted(ledger.identities()) == sorted(run.identity for run in plan.runs)
    before = fakes.log(place / "data")
    assert fakes.make(place)[2] == []
    assert fakes.log(place / "data") == before


def test_two_jobs_leave_what_one_job_leaves(place, tmp_path):
    fakes.prepare(tmp_path / "parallel" / "data")
    serial, parallel = fakes.make(place)[1], fakes.make(tmp_path / "parallel", jobs=2)[1]
    assert documents(serial) == documents(parallel)
    assert len(documents(serial)) == 4


def test_a_run_that_diverges_is_noted_and_the_others_go_on(place):
    plan, ledger, outcomes = fakes.make(place, methods=["plain", "diverging", "weighted"], seeds=1)
    assert [outcome.status for outcome in outcomes] == ["finished", "failed", "finished"]
    assert failure_line(outcomes) == (
        "1 of 3 runs failed; toy net diverging seed 0: loss is not finite in epoch 2; the same command tries them again"
    )
    standing = status(plan, ledger)
    assert (len(standing.done), len(standing.left)) == (2, 1)
    assert [cause for _, cause in standing.failed] == ["loss is not finite in epoch 2"]
    failure = ledger.failure(plan.runs[1].identity)
    assert failure.config == plan.runs[1].config
    assert "fakes.py" in failure.traceback


def test_a_failure_is_forgotten_when_a_later_attempt_succeeds(place):
    data = place / "data"
    (data / "pause").write_text("soon")
    plan, ledger, outcomes = fakes.make(place, seeds=1)
    assert outcomes[0].cause == "ValueError: could not convert string to float: 'soon'"
    (data / "pause").unlink()
    assert failure_line(fakes.make(place, seeds=1)[2]) is None
    assert status(plan, ledger).failed == []


def test_data_that_change_after_runs_are_not_silently_reused(place):
    _, ledger, _ = fakes.make(place)
    fakes.prepare(place / "data", items=4)
    plan = make_plan(fakes.recipe(), data=place / "data", catalogue=fakes.catalogue())
    standing = status(plan, ledger)
    assert (len(standing.done), len(standing.left), standing.aside) == (0, 4, 4)


def test_data_that_change_between_plan_and_run_fail_the_run(place):
    data = place / "data"
    plan, ledger, _ = fakes.make(place, seeds=1)
    for run in plan.runs:
        ledger.discard(run.identity)
    fakes.prepare(data, items=4)
    outcomes = execute(plan.runs, Site(ledger, fakes.runner, data))
    assert [outcome.cause for outcome in outcomes] == ["toy: the prepared data changed; run the same command again"] * 2
    assert ledger.identities() == []


def test_a_results_folder_that_cannot_be_written(place):
    (place / "results").write_text("a file")
    with pytest.raises(CtrbenchError, match="cannot be written"):
        fakes.make(place)
    assert fakes.log(place / "data") == []


@pytest.mark.parametrize(("jobs", "kill"), [(1, os.killpg), (2, os.kill)], ids=["everything", "the-starter-alone"])
def test_kill_and_the_same_command_again(place, tmp_path, jobs, kill):
    data, ledger = place / "data", Ledger(place / "results")
    (data / "pause").write_text("0.3")
    with command(place, jobs) as process:
        while not ledger.identities() or "epoch 2" not in fakes.log(data)[-1]:
            assert process.poll() is None
            time.sleep(0.01)
        kill(process.pid, signal.SIGKILL)
    (data / "pause").unlink()
    finished = [ledger.read(identity).config for identity in ledger.identities()]
    fakes.make(place)
    counts = Counter(fakes.log(data))
    assert {counts[f"{config.method}-{config.seed} measured"] for config in finished} == {1}
    # A kill between an epoch's line and its checkpoint repeats that epoch; no other is repeated.
    assert sum(count - 1 for count in counts.values()) <= jobs
    fakes.prepare(tmp_path / "undisturbed" / "data")
    undisturbed = fakes.make(tmp_path / "undisturbed")[1]
    assert documents(ledger) == documents(undisturbed)


def test_two_processes_share_a_recipe(place):
    (place / "data" / "pause").write_text("0.05")
    with command(place, 1) as first, command(place, 1) as second:
        assert (first.wait(), second.wait()) == (0, 0)
    counts = Counter(fakes.log(place / "data"))
    assert len(counts) == 4 * 5
    assert set(counts.values()) == {1}


def test_a_run_held_by_another_is_awaited_and_then_read(place, monkeypatch):
    plan, ledger, _ = fakes.make(place, seeds=1)
    finished = ledger.read(plan.runs[0].identity)
    ledger.discard(plan.runs[0].identity)
    holder = ledger.claim(plan.runs[0].identity)
    assert holder.__enter__()

    def other_process_ends(_):
        ledger.write(finished, fakes.pa.table({"probability": [0.5]}))
        holder.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", other_process_ends)
    before = fakes.log(place / "data")
    outcomes = execute(plan.runs, Site(ledger, fakes.runner, place / "data"))
    assert [outcome.record for outcome in outcomes] == [finished]
    assert fakes.log(place / "data") == before


def test_a_job_whose_starter_is_gone_stops_without_a_failure(place):
    from ctrbench.experiments.execute import Orphaned, _attempt

    plan = make_plan(fakes.recipe(), data=place / "data", catalogue=fakes.catalogue())
    ledger = Ledger(place / "results")
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(Orphaned):
            _attempt(plan.runs[0], Site(ledger, fakes.runner, place / "data"), starter=-1)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert fakes.log(place / "data") == []
    assert ledger.failure(plan.runs[0].identity) is None
    with ledger.claim(plan.runs[0].identity) as free:
        assert free


@pytest.fixture
def told(monkeypatch):
    """Progress as it is written, on a clock on which a line of the toy runner's log takes ten seconds."""
    seen = []
    write = Ledger.write_progress
    monkeypatch.setattr(
        Ledger,
        "write_progress",
        lambda ledger, identity, progress: (seen.append(progress), write(ledger, identity, progress)),
    )
    clock = [1000.0]
    note = fakes.note

    def slowly(data, line):
        clock[0] += 10
        note(data, line)

    monkeypatch.setattr(fakes, "note", slowly)
    monkeypatch.setattr(time, "time", lambda: clock[0])
    return seen


def test_progress_is_told_from_before_the_first_epoch(place, told):
    fakes.make(place, seeds=1, methods=["plain"])
    assert [(progress.epoch, progress.at_most) for progress in told] == [(epoch, 4) for epoch in range(5)]
    assert [progress.seconds_per_epoch for progress in told] == [None, 10, 10, 10, 10]


def test_a_resumed_run_times_its_own_epochs_alone(place, told):
    plan = make_plan(fakes.recipe(seeds=1, methods=["plain"]), data=place / "data", catalogue=fakes.catalogue())
    (Ledger(place / "results").working(plan.runs[0].identity) / "checkpoint").write_text("2")
    fakes.make(place, seeds=1, methods=["plain"])
    assert [(progress.epoch, progress.seconds_per_epoch) for progress in told] == [(2, None), (3, 10), (4, 10)]


def test_a_record_is_plain_json(place):
    _, ledger, _ = fakes.make(place, seeds=1, methods=["plain"])
    (identity,) = ledger.identities()
    document = json.loads((ledger.results / "runs" / identity / "record.json").read_text())
    assert document["identity"] == identity
    assert document["config"]["method"] == "plain"
