import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.execution.handover import Assignment
from ctrbench.execution.local import LocalExecutor
from tests.execution import fakes
from tests.execution.fakes import Settings, Store

ROOT = Path(__file__).parents[2]
NAMES = ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """An executor of two processes, which the tests of this module share."""
    with closing(LocalExecutor(tmp_path_factory.mktemp("none"), jobs=2)) as executor:
        yield executor


@pytest.fixture(params=[1, 2])
def executor(request, two, tmp_path):
    return two if request.param == 2 else LocalExecutor(tmp_path)


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log").touch()
    return tmp_path / "log"


def accept(handover):
    """The driver's side of a job of which nothing is kept."""


def command(place, jobs, pause, names):
    """A driver in a process group of its own."""
    place.mkdir(exist_ok=True)
    (place / "log").touch()
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.execution.fakes",
            str(place),
            str(jobs),
            "",
            str(pause),
            "",
            "none",
            str(place),
            *names,
        ],
        cwd=ROOT,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_job_is_made_once(executor, tmp_path, log):
    store = Store(tmp_path / "store")
    fakes.drive(executor, store, NAMES, Settings(log))
    assert store.outputs() == fakes.undisturbed(NAMES)
    assert set(fakes.epochs_made(log).values()) == {1}
    fakes.drive(executor, store, NAMES, Settings(log))
    assert len(fakes.epochs_made(log)) == len(NAMES) * 3


def test_one_job_stays_in_the_driver_and_two_run_side_by_side(two, tmp_path, log):
    fakes.drive(LocalExecutor(tmp_path), Store(tmp_path / "one"), NAMES, Settings(log))
    assert fakes.processes(log) == {os.getpid()}
    log.unlink()
    fakes.drive(two, Store(tmp_path / "two"), NAMES, Settings(log, pause=0.05))
    assert len(fakes.processes(log)) == 2
    assert os.getpid() not in fakes.processes(log)


def test_many_jobs(two, tmp_path, log):
    names = [f"job-{number}" for number in range(200)]
    store = Store(tmp_path / "store")
    fakes.drive(two, store, names, Settings(log))
    assert store.outputs() == fakes.undisturbed(names)


def test_results_come_as_jobs_end(two, tmp_path, log):
    slow, fast = Settings(log, pause=0.3), Settings(log)
    assignments = [Assignment("slow", "none", slow), *(Assignment(name, "none", fast) for name in NAMES)]
    assert [result.identity for result in two.run(assignments, fakes.work, accept)] == [*NAMES, "slow"]


def test_an_assignment_is_taken_only_for_a_free_worker(executor, tmp_path, log):
    taken = []

    def assignments():
        for name in NAMES:
            taken.append(name)
            yield Assignment(name, "none", Settings(log))

    for ended, _ in enumerate(executor.run(assignments(), fakes.work, accept)):
        assert len(taken) - ended <= 2
    assert taken == NAMES


def test_the_driver_s_side_runs_in_one_thread(executor, log):
    threads = set()

    def assignments():
        for name in NAMES:
            threads.add(threading.get_ident())
            yield Assignment(name, "none", Settings(log))

    def on_handover(handover):
        threads.add(threading.get_ident())

    list(executor.run(assignments(), fakes.work, on_handover))
    assert threads == {threading.get_ident()}


def test_a_job_goes_on_from_its_checkpoint(executor, tmp_path, log):
    store = Store(tmp_path / "store")
    (assignment,) = store.assignments(["a"], Settings(log))
    for handover in fakes.work(assignment, tmp_path):
        store.on_handover(handover)
        if len(handover.epochs) == 2:
            break
    log.unlink()
    fakes.drive(executor, store, ["a"], Settings(log))
    assert list(fakes.epochs_made(log)) == [("a", 3)]
    assert store.outputs() == fakes.undisturbed(["a"])


def test_a_failure_leaves_the_other_jobs_alone(executor, log):
    assignments = [Assignment(name, "none", Settings(log, event="known" if name == "b" else "")) for name in NAMES]
    results = {result.identity: result for result in executor.run(assignments, fakes.work, accept)}
    assert [results[name].status for name in NAMES] == ["finished", "failed", "finished", "finished", "finished"]
    assert results["b"].cause == "the known error"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            "kill",
            "the system killed a job, most likely for memory; run the same command with a smaller --jobs",
        ),
        ("exit", "the process of a job ended with exit status 3; run the same command to resume"),
    ],
)
def test_a_worker_that_dies_ends_the_run_in_a_line(two, tmp_path, log, event, message):
    store = Store(tmp_path / "store")
    with pytest.raises(CtrbenchError) as error:
        fakes.drive(two, store, NAMES, Settings(log, pause=0.05, event=event))
    assert str(error.value) == message
    fakes.until(lambda: not any(map(fakes.alive, fakes.processes(log))))
    fakes.drive(two, store, NAMES, Settings(log))
    assert store.outputs() == fakes.undisturbed(NAMES)


def test_an_idle_worker_that_died_is_replaced(two, tmp_path, log):
    fakes.drive(two, Store(tmp_path / "before"), NAMES, Settings(log, pause=0.05))
    for process in fakes.processes(log):
        os.kill(process, signal.SIGKILL)
    fakes.until(lambda: not any(map(fakes.alive, fakes.processes(log))))
    store = Store(tmp_path / "after")
    fakes.drive(two, store, NAMES, Settings(log))
    assert store.outputs() == fakes.undisturbed(NAMES)


def test_workers_serve_one_run_after_another_and_end_with_close(tmp_path, log):
    with closing(LocalExecutor(tmp_path, jobs=2)) as executor:
        for turn in range(2):
            fakes.drive(executor, Store(tmp_path / f"store-{turn}"), NAMES, Settings(log, pause=0.05))
        assert len(fakes.processes(log)) == 2
        assert all(map(fakes.alive, fakes.processes(log)))
    assert not any(map(fakes.alive, fakes.processes(log)))


def test_results_that_nobody_wants_end_the_jobs(two, log):
    assignments = [Assignment(name, "none", Settings(log, pause=0.0 if name == "a" else 60)) for name in NAMES]
    results = two.run(assignments, fakes.work, accept)
    assert next(results).identity == "a"
    started = time.monotonic()
    results.close()
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_ends_everything_at_once_and_the_same_command_goes_on(tmp_path, jobs):
    with command(tmp_path, jobs, 0.4, NAMES) as driver:
        fakes.until(lambda: len(fakes.lines(tmp_path / "log")) > jobs * 2)
        os.killpg(driver.pid, signal.SIGINT)
        assert driver.wait(10) != 0
        errors = driver.stderr.read()
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    assert not any(map(fakes.alive, fakes.processes(tmp_path / "log")))
    assert resumed(tmp_path) <= jobs


@pytest.mark.parametrize("jobs", [1, 2])
def test_workers_of_a_killed_driver_end_by_themselves(tmp_path, jobs):
    with command(tmp_path, jobs, 0.4, NAMES) as driver:
        fakes.until(lambda: len(fakes.lines(tmp_path / "log")) > jobs * 2)
        driver.kill()
        fakes.until(lambda: not any(map(fakes.alive, fakes.processes(tmp_path / "log"))))
        assert driver.stderr.read() == ""
    last = {process: epoch for _, epoch, process, _ in fakes.lines(tmp_path / "log")}
    assert list(last.values()).count("closed") == (jobs if jobs > 1 else 0)
    assert resumed(tmp_path) <= jobs


def resumed(place):
    """Epochs that were made twice after a driver's end and the same command again."""
    store = Store(place / "store")
    assert len(store.outputs()) < len(NAMES)
    with closing(LocalExecutor(place)) as executor:
        fakes.drive(executor, store, NAMES, Settings(place / "log"))
    assert store.outputs() == fakes.undisturbed(NAMES)
    return sum(count - 1 for count in fakes.epochs_made(place / "log").values())
