import subprocess
import sys

import pytest

from ctrbench.execution.handover import Assignment, Handover, Result
from ctrbench.execution.worker import Worker
from tests.execution import fakes
from tests.execution.fakes import Settings


@pytest.fixture
def begin(tmp_path):
    def begin(worker=None, **settings):
        worker = worker or Worker()
        return worker, worker.begin(
            fakes.work, Assignment("a", "none", Settings(tmp_path / "log", **settings)), tmp_path
        )

    return begin


def test_a_job_hands_over_before_its_first_epoch_and_after_each(begin):
    worker, step = begin(epochs=2)
    steps = [step, worker.advance(), worker.advance(), worker.advance()]
    assert [len(step.epochs) for step in steps[:3]] == [0, 1, 2]
    assert [step.checkpoint is None for step in steps[:3]] == [True, False, False]
    assert steps[3] == Result("a", "finished", output=steps[2].epochs[-1])


@pytest.mark.parametrize(
    ("event", "cause", "diverged"),
    [
        ("known", "the known error", False),
        ("unknown", "ValueError: the unknown error", False),
        ("diverged", "the diverged error", True),
    ],
)
def test_what_a_job_raises_is_its_result(begin, event, cause, diverged):
    worker, _ = begin(event=event)
    assert isinstance(worker.advance(), Handover)
    result = worker.advance()
    assert (result.status, result.cause, result.diverged) == ("failed", cause, diverged)
    assert "in happen" in result.traceback


def test_work_that_cannot_be_called_fails_the_job(tmp_path):
    result = Worker().begin(lambda: None, Assignment("a", "none", None), tmp_path)
    assert (result.status, result.cause.split(":")[0]) == ("failed", "TypeError")


def test_a_dropped_job_is_closed_and_the_worker_takes_the_next(begin, tmp_path):
    worker, _ = begin()
    worker.drop()
    assert fakes.lines(tmp_path / "log")[0][1] == "closed"
    assert isinstance(begin(worker)[1], Handover)


def test_an_error_while_a_dropped_job_cleans_up_is_nobody_s_result(tmp_path):
    def work(assignment, data):
        try:
            yield Handover("a", (), 1, None)
        finally:
            raise ValueError("late")

    worker = Worker()
    worker.begin(work, Assignment("a", "none", None), tmp_path)
    worker.drop()
    worker.drop()


USE = "from ctrbench.execution.worker import use_one_thread; use_one_thread()"


@pytest.mark.parametrize("lines", [["import torch", "torch.set_num_threads(2)", USE], [USE, "import torch"]])
def test_torch_has_one_thread_whether_it_was_loaded_before_or_is_loaded_later(lines):
    code = "\n".join([*lines, "print(torch.get_num_threads())"])
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "1"
