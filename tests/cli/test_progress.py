"""What is shown while jobs run."""

import io
import re
import time

import pytest
from rich.console import Console

from ctrbench.cli.progress import Display
from ctrbench.execution.drive import Outcome
from ctrbench.store.store import Store
from ctrbench.store.work import Progress
from tests.fakes import prepared
from tests.fakes.records import record
from tests.fakes.work import toy_plan

NOTE = re.compile(r"measuring the first epochs|(about|at most) .* left( .*jobs?)?|epoch \d of at most \d")


@pytest.fixture
def plan(place):
    return toy_plan(place, seeds=1)


@pytest.fixture
def display(place, plan):
    shown = display_of(place)
    shown.add(plan.jobs)
    return shown


def display_of(place, width=120, **options):
    return Display(Store.of(place / "results"), 1, Console(file=io.StringIO(), width=width, **options))


def text(display, width=120):
    console = Console(file=io.StringIO(), width=width)
    console.print(display._table())
    return console.file.getvalue()


def printed(display):
    return display._console.file.getvalue()


def finished(job, manifest=None, **changes):
    made = record(job.config, manifest or prepared.manifest(job.config.dataset), **changes)
    return Outcome(job, "finished", made)


def write_progress(place, job, *, epoch, seconds_per_epoch=None, ago=0.0):
    found = Progress(epoch=epoch, at_most=4, seconds_per_epoch=seconds_per_epoch, updated=time.time() - ago)
    Store.of(place / "results").work.write_progress(job.identity, found)


def test_a_job_is_shown_before_its_first_epoch_has_ended(place, plan, display):
    assert "epoch" not in text(display).replace("measuring the first epochs", "")
    write_progress(place, plan.jobs[0], epoch=0)
    assert "measuring the first epochs" in text(display)
    (line,) = [line for line in text(display).splitlines() if line.startswith("toy net plain seed 0")]
    assert line.rstrip().endswith("epoch 0 of at most 4")


def test_methods_that_are_not_timed_are_named_beside_the_time_that_is_left(plan, display):
    display.add([], [plan.jobs[0].row, plan.jobs[1].row])
    display.ended(finished(plan.jobs[0]))
    assert printed(display).rstrip().endswith("about 2 s left + 2 untimed jobs")


def test_eighty_columns_hold_a_line_per_job_and_bars_of_one_width(place):
    prepared.prepare(place / "data", "amazon-beauty-ties")
    jobs = toy_plan(place, datasets=["amazon-beauty-ties"]).jobs
    display = display_of(place, 80)
    display.add(jobs)
    notes = set()
    for paces in ((None, None), (500.0, None), (500.0, 2.0)):
        for job, pace in zip(jobs, paces, strict=False):
            write_progress(place, job, epoch=1 if pace else 0, seconds_per_epoch=pace)
        lines = text(display, 80).splitlines()
        assert len(lines) == 3
        assert all(
            name in line for name, line in zip(("0/4 jobs", "plain seed 0", "weighted seed 0"), lines, strict=True)
        )
        assert all(line.rstrip().endswith("of at most 4") for line in lines[1:])
        notes |= {NOTE.search(line).start() for line in lines}
    (note,) = notes
    assert note - len("amazon-beauty-ties net weighted seed 0") >= 8


def test_the_last_frame_says_done(place, plan, display):
    assert "done" not in text(display_of(place))
    for job in plan.jobs:
        display.ended(finished(job))
    (line,) = text(display).splitlines()
    assert line.startswith("2/2 jobs")
    assert line.rstrip().endswith("done")


def test_a_frame_drawn_with_the_line_of_a_job_that_ended_counts_it(place):
    jobs = toy_plan(place, methods=["plain"]).jobs
    shown = display_of(place, 80, force_terminal=True)
    shown.add(jobs)
    shown._live.auto_refresh = False
    with shown:
        shown._console.file.truncate(0)
        shown.ended(finished(jobs[0]))
        drawn = printed(shown)
    assert "1/2 jobs" in drawn
    assert "0/2 jobs" not in drawn
    (line,) = [line for line in drawn.splitlines() if "test AUC" in line]
    assert " left" in drawn
    assert " left" not in line


def test_remaining_time_passes_while_an_epoch_lasts_but_not_over_an_earlier_commands(place, plan):
    display = display_of(place)
    display.add(plan.jobs[:1])
    write_progress(place, plan.jobs[0], epoch=1, seconds_per_epoch=10.0, ago=6.0)
    assert "at most 30 s left" in text(display)
    display._started -= 60
    assert "at most 24 s left" in text(display)


def test_brackets_in_names_and_causes_survive(place):
    (job, *_) = toy_plan(place, variants={"[bold] 0.1 :x:": {}}).jobs
    display = display_of(place)
    display.add([job])
    write_progress(place, job, epoch=1)
    assert "toy net plain ([bold] 0.1 :x:) seed 0" in text(display)
    display.ended(Outcome(job, "failed", cause="KeyError: [red] :x:"))
    assert printed(display) == "1/1 toy net plain ([bold] 0.1 :x:) seed 0: failed: KeyError: [red] :x:\n"


def test_a_line_names_every_task(place):
    two = prepared.prepare(place / "data", labels=("click", "conversion"))
    jobs = toy_plan(place, methods=["plain"], data={"tasks": ["click", "conversion"]}).jobs
    display = display_of(place)
    display.add(jobs)
    display.ended(finished(jobs[0], two, auc=0.75))
    assert printed(display).startswith(
        "1/2 toy net plain seed 0: test click: AUC 0.7500, Logloss 0.2500; conversion: AUC 0.7500, Logloss 0.2500, "
        "best epoch 1 of 4, 2 s"
    )


def test_looks_are_shown_and_counted_as_parts_of_epochs(place):
    job, other = toy_plan(place, seeds=1, training={"epochs": 2, "looks": 4, "patience": 8}).jobs
    display = display_of(place)
    display.add([job])
    found = Progress(epoch=5, at_most=8, seconds_per_epoch=10.0, updated=time.time())
    Store.of(place / "results").work.write_progress(job.identity, found)
    assert "epoch 1.25 of at most 2" in text(display)
    assert re.search("at most (30|29) s left", text(display))
    display.add([other])
    display.ended(finished(other, best_epoch=2))
    assert "best epoch 0.5 of 0.5, " in printed(display)
