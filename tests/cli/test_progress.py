"""What is shown while runs are made."""

import io
import time

import pytest
from rich.console import Console

from ctrbench.cli.progress import Display
from ctrbench.data.schema import read_manifest
from ctrbench.experiments.execute import Outcome
from ctrbench.experiments.ledger import Ledger, Progress
from ctrbench.experiments.plan import make_plan
from tests.experiments import fakes


@pytest.fixture
def plan(place):
    return make_plan(fakes.recipe(seeds=1), data=place / "data", catalogue=fakes.catalogue())


@pytest.fixture
def display(place, plan):
    shown = Display(Ledger(place / "results"), 1, Console(file=io.StringIO(), width=120))
    shown.add(plan.runs)
    return shown


def text(display):
    console = Console(file=io.StringIO(), width=120)
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
    assert display._console.file.getvalue().rstrip().endswith("about 2 s left, besides 2 runs of rows not timed yet")
