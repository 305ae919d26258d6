"""What is shown while runs are made."""

import io
import re
import time

import pytest
from rich.console import Console

from ctrbench.cli.progress import Display
from ctrbench.data.schema import read_manifest
from ctrbench.experiments.execute import Outcome
from ctrbench.experiments.ledger import Ledger, Progress
from ctrbench.experiments.plan import make_plan
from tests.experiments import fakes

NOTE = re.compile(r"measuring the first epochs|(about|at most) .* left( .*runs?)?|epoch \d of at most \d")


@pytest.fixture
def plan(place):
    return make_plan(fakes.recipe(seeds=1), data=place / "data", catalogue=fakes.catalogue())


@pytest.fixture
def display(place, plan):
    shown = Display(Ledger(place / "results"), 1, Console(file=io.StringIO(), width=120))
    shown.add(plan.runs)
    return shown


def text(display, width=120):
    console = Console(file=io.StringIO(), width=width)
    console.print(display._table())
    return console.file.getvalue()


def test_a_run_is_shown_before_its_first_epoch_has_ended(place, plan, display):
    ledger = Ledger(place / "results")
    assert "epoch" not in text(display).replace("measuring the first epochs", "")
    ledger.write_progress(
        plan.runs[0].identity, Progress(epoch=0, at_most=4, seconds_per_epoch=None, updated=time.time())
    )
    assert "measuring the first epochs" in text(display)
    (line,) = [line for line in text(display).splitlines() if line.startswith("toy net plain seed 0")]
    assert line.rstrip().endswith("epoch 0 of at most 4")


def test_methods_that_are_not_timed_are_told_beside_the_time_that_is_left(place, plan, display):
    made = fakes.record(plan.runs[0].config, read_manifest(place / "data" / "toy"))
    display.add([], [plan.runs[0].cell, plan.runs[1].cell])
    display.ended(Outcome(plan.runs[0], "finished", made))
    assert display._console.file.getvalue().rstrip().endswith("about 2 s left + 2 untimed runs")


def report(place, run, *, epoch, seconds_per_epoch=None, ago=0.0):
    found = Progress(epoch=epoch, at_most=4, seconds_per_epoch=seconds_per_epoch, updated=time.time() - ago)
    Ledger(place / "results").write_progress(run.identity, found)


def test_eighty_columns_hold_a_line_per_run_and_bars_of_one_width(place, plan):
    (place / "data" / "toy").rename(place / "data" / "amazon-beauty-ties")
    changed = fakes.manifest("amazon-beauty-ties")
    (place / "data" / "amazon-beauty-ties" / "manifest.json").write_text(changed.model_dump_json())
    runs = make_plan(
        fakes.recipe(datasets=["amazon-beauty-ties"]), data=place / "data", catalogue=fakes.catalogue()
    ).runs
    display = Display(Ledger(place / "results"), 1, Console(file=io.StringIO(), width=80))
    display.add(runs)
    notes = set()
    for paces in ((None, None), (500.0, None), (500.0, 2.0)):
        for run, pace in zip(runs, paces, strict=False):
            report(place, run, epoch=1 if pace else 0, seconds_per_epoch=pace)
        lines = text(display, 80).splitlines()
        assert len(lines) == 3
        assert all(
            name in line for name, line in zip(("0/4 runs", "plain seed 0", "weighted seed 0"), lines, strict=True)
        )
        assert all(line.rstrip().endswith("of at most 4") for line in lines[1:])
        notes |= {NOTE.search(line).start() for line in lines}
    (note,) = notes
    assert note - len("amazon-beauty-ties net weighted seed 0") >= 8


def test_the_last_frame_says_done(place, plan, display):
    assert "done" not in text(Display(Ledger(place / "results"), 1, Console(file=io.StringIO())))
    manifest = read_manifest(place / "data" / "toy")
    for planned in plan.runs:
        display.ended(Outcome(planned, "finished", fakes.record(planned.config, manifest)))
    (line,) = text(display).splitlines()
    assert line.startswith("2/2 runs")
    assert line.rstrip().endswith("done")


def test_a_frame_drawn_with_the_line_of_a_run_that_ended_counts_it(place):
    plan = make_plan(fakes.recipe(methods=["plain"]), data=place / "data", catalogue=fakes.catalogue())
    file = io.StringIO()
    shown = Display(Ledger(place / "results"), 1, Console(file=file, width=80, force_terminal=True))
    shown.add(plan.runs)
    shown._live.auto_refresh = False
    made = fakes.record(plan.runs[0].config, read_manifest(place / "data" / "toy"))
    with shown:
        file.truncate(0)
        shown.ended(Outcome(plan.runs[0], "finished", made))
        drawn = file.getvalue()
    assert "1/2 runs" in drawn
    assert "0/2 runs" not in drawn
    (line,) = [line for line in drawn.splitlines() if "test AUC" in line]
    assert " left" in drawn
    assert " left" not in line


def test_remaining_time_passes_while_an_epoch_lasts_but_not_over_an_earlier_commands(place, plan):
    display = Display(Ledger(place / "results"), 1, Console(file=io.StringIO(), width=120))
    display.add(plan.runs[:1])
    report(place, plan.runs[0], epoch=1, seconds_per_epoch=10.0, ago=6.0)
    assert "at most 30 s left" in text(display)
    display._started -= 60
    assert "at most 24 s left" in text(display)
