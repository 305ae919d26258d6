import contextlib
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.execution.drive import RunContext, drive
from ctrbench.execution.handover import Assignment, Handover
from ctrbench.execution.local import LocalExecutor
from ctrbench.execution.run import RunJob
from ctrbench.planning.plan import make_plan
from ctrbench.planning.registries import REGISTRIES
from ctrbench.recipe.recipe import Recipe
from ctrbench.store.store import Store as WorkStore
from tests.execution import fakes
from tests.execution.fakes import Settings, Store

ROOT = Path(__file__).parents[2]
NAMES = ["a", "b", "c", "d", "e", "f"]


@pytest.fixture
def log(tmp_path):
    (tmp_path / "log").touch()
    return tmp_path / "log"


@pytest.fixture(scope="module")
def local_outputs(data_folder, tmp_path_factory):
    """What jobs over the dataset ``small`` leave on this machine."""
    place = tmp_path_factory.mktemp("local")
    fakes.drive(LocalExecutor(data_folder), Store(place / "store"), NAMES, Settings(place / "log"), "small")
    return Store(place / "store").outputs()


def accept(handover):
    """The driver's side of a job of which nothing is kept."""


def nodes_of(log):
    """identity -> nodes that began an epoch of it."""
    nodes = {}
    for identity, _, _, node in fakes.lines(log):
        nodes.setdefault(identity, set()).add(node)
    return nodes


def copies(three_nodes):
    """Files of each node's copies of datasets: their bytes, and when they were written."""
    folders = [folder for node in three_nodes.nodes for folder in three_nodes.cache(node).glob("*/*")]
    return [
        {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()} for folder in folders
    ]


def trained(executor, data, results):
    """Two methods on two seeds, really trained: identity -> record, without its cost, and predictions."""
    recipe = Recipe.read(
        {
            "name": "cluster",
            "title": "On a cluster",
            "datasets": ["small"],
            "backbones": ["din"],
            "methods": ["plain", "aqcl"],
            "seeds": 2,
            "data": {"minimum_history": 0},
            "training": {"epochs": 3, "batch_size": 256},
        },
        "cluster",
    )
    store, plan = WorkStore.of(results), make_plan(recipe, data=data)
    with contextlib.closing(executor):
        outcomes = drive(plan.jobs, RunContext(store, executor, RunJob("cpu"), REGISTRIES.defaults()))
    found = {}
    for job in plan.jobs:
        document = store.read(job.identity, job.names).record.model_dump(exclude={"timings", "environment"})
        for epoch in document["epochs"]:
            for cost in ("seconds", "cpu_seconds", "rows_per_second"):
                del epoch[cost]
        found[job.identity] = document, store.work.read_predictions(job.identity).to_pydict()
    return found, len(outcomes)


def test_records_are_equal_to_local_ones_bit_for_bit(three_nodes, data_folder, tmp_path):
    from ctrbench.execution.cluster import RayExecutor

    local, _ = trained(LocalExecutor(data_folder), data_folder, tmp_path / "local")
    there, made = trained(RayExecutor(three_nodes.address, data_folder), data_folder, tmp_path / "cluster")
    assert made == len(local) == 4
    assert there == local
    _, made = trained(RayExecutor(three_nodes.address, data_folder), data_folder, tmp_path / "cluster")
    assert made == 0


def test_a_killed_driver_that_is_started_again_makes_what_is_left(
    three_nodes, data_folder, local_outputs, tmp_path, log
):
    store, gate = Store(tmp_path / "store"), tmp_path / "gate"
    gate.mkdir()

    def command(jobs, gate):
        words = [tmp_path, jobs, three_nodes.address, 0, gate, "small", data_folder, *NAMES]
        return [sys.executable, "-m", "tests.execution.fakes", *map(str, words)]

    with subprocess.Popen(command(jobs=4, gate=gate), cwd=ROOT) as driver:
        # However late a node starts its workers, jobs are left for it.
        fakes.until(lambda: set().union(*nodes_of(log).values()) == {*three_nodes.nodes}, seconds=120)
        (gate / "a").touch()
        fakes.until(store.outputs)
        driver.kill()
    fakes.until(lambda: not any(map(fakes.alive, fakes.processes(log))))
    finished, before, arrived = store.outputs(), fakes.epochs_made(log), copies(three_nodes)
    assert [*finished] == ["a"]
    subprocess.run(command(jobs=2, gate=""), cwd=ROOT, check=True)
    assert store.outputs() == local_outputs
    after = fakes.epochs_made(log)
    assert all(after[identity, epoch] == before[identity, epoch] for identity in finished for epoch in (1, 2, 3))
    # Each of the four workers lost at most the epoch that it was in.
    assert sum(count - 1 for count in after.values()) <= 4
    # The data reached each node once, whole.
    assert copies(three_nodes) == arrived
    assert [{name: content for name, (content, _) in copy.items()} for copy in arrived] == 3 * [
        {path.name: path.read_bytes() for path in (data_folder / "small").iterdir()}
    ]


@pytest.fixture(scope="module")
def executor(three_nodes, data_folder):
    """An executor of four workers, which the tests below share as long as they live."""
    from ctrbench.execution.cluster import RayExecutor

    with contextlib.closing(RayExecutor(three_nodes.address, data_folder)) as executor:
        yield executor


def test_jobs_run_side_by_side_and_are_taken_only_for_free_workers(executor, local_outputs, tmp_path, log):
    store, taken = Store(tmp_path / "store"), []

    def assignments():
        for assignment in store.assignments(NAMES, Settings(log, pause=0.3), "small"):
            taken.append(assignment.identity)
            yield assignment

    for ended, result in enumerate(executor.run(assignments(), fakes.work, store.on_handover)):
        assert len(taken) - ended <= 4
        store.finish(result)
    assert store.outputs() == local_outputs
    assert 1 < len(fakes.processes(log)) <= 4
    assert list(executor.run([], fakes.work, accept)) == []


def test_a_lost_node_costs_its_jobs_the_epoch_they_were_in(three_nodes, executor, local_outputs, tmp_path, log):
    store, gate = Store(tmp_path / "store"), tmp_path / "gate"
    gate.mkdir()

    def on_handover(handover):
        on_third = "third" in three_nodes.nodes and nodes_of(log).get(handover.identity) == {"third"}
        if on_third and len(handover.epochs) == 1:
            three_nodes.kill("third")
            for process in {process for _, _, process, node in fakes.lines(log) if node == "third"}:
                os.kill(int(process), signal.SIGKILL)
            for name in NAMES:
                (gate / name).touch()
        store.on_handover(handover)

    try:
        settings = Settings(log, gate=gate)
        for result in executor.run(store.assignments(NAMES, settings, "small"), fakes.work, on_handover):
            store.finish(result)
        assert "third" not in three_nodes.nodes
    finally:
        three_nodes.add("third", 1)
    assert store.outputs() == local_outputs
    (moved,) = [identity for identity, nodes in nodes_of(log).items() if "third" in nodes]
    assert len(nodes_of(log)[moved]) == 2
    # The second epoch may have been lost before it left its line.
    assert {epoch for epoch, count in fakes.epochs_made(log).items() if count > 1} <= {(moved, 2)}
    assert max(fakes.epochs_made(log).values()) <= 2


def test_a_job_that_loses_every_worker_fails_and_the_others_go_on(executor, tmp_path, log):
    assignments = [
        Assignment(name, "small", Settings(log, event="kill" if name == "b" else "", pause=0.1)) for name in NAMES[:3]
    ]
    results = {result.identity: result for result in executor.run(assignments, fakes.work, accept)}
    assert [results[name].status for name in NAMES[:3]] == ["finished", "failed", "finished"]
    assert results["b"].cause.startswith("lost 3 workers before look 2 (")
    assert "\n" not in results["b"].cause
    # Each worker went on from the checkpoint of the first epoch.
    assert [fakes.epochs_made(log)["b", epoch] for epoch in (1, 2, 3)] == [1, 3, 0]


def test_failed_jobs_leave_the_others_alone(executor, log):
    events = {"b": "known", "d": "unknown"}
    assignments = [Assignment(name, "small", Settings(log, epochs=20, event=events.get(name, ""))) for name in NAMES]
    results = {result.identity: result for result in executor.run(assignments, fakes.work, accept)}
    assert {name: result.status for name, result in results.items() if result.status != "finished"} == {
        "b": "failed",
        "d": "failed",
    }
    assert sorted(results) == NAMES
    assert (results["b"].cause, results["d"].cause) == ("the known error", "ValueError: the unknown error")


def unpicklable(assignment, data):
    yield Handover(assignment.identity, (), 1, None)
    return (nothing for nothing in ())


def test_an_output_that_cannot_be_pickled_fails_its_job(executor):
    assignments = [Assignment("a", "small", None), Assignment("b", "small", None)]
    results = {result.identity: result for result in executor.run(assignments, unpicklable, accept)}
    assert results["b"].status == "failed"
    assert "cannot pickle 'generator' object" in results["a"].cause
    assert "\n" not in results["a"].cause


def test_work_from_a_package_that_a_node_lacks_fails_its_job(executor, tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("def work(assignment, data):\n    yield\n")
    monkeypatch.syspath_prepend(tmp_path)
    only_here = importlib.import_module("only_here")
    (result,) = executor.run([Assignment("a", "small", None)], only_here.work, accept)
    assert result.cause == (
        "a node cannot read the job or send its output (RaySystemError: System error: No module named 'only_here'); "
        "install the driver's packages on every node"
    )


def test_a_dataset_that_is_not_prepared_ends_the_run_in_a_line(executor, log):
    with pytest.raises(CtrbenchError, match="unknown: not prepared; run: ctrbench prepare unknown"):
        list(executor.run([Assignment("a", "unknown", Settings(log))], fakes.work, accept))


def test_results_that_nobody_wants_end_the_jobs(executor, log):
    assignments = [Assignment(name, "small", Settings(log, pause=0.0 if name == "a" else 60)) for name in NAMES]
    results = executor.run(assignments, fakes.work, accept)
    assert next(results).identity == "a"
    results.close()
    # Its worker waits for the next run.
    fakes.until(lambda: sum(map(fakes.alive, fakes.processes(log))) <= 1)


def test_no_cluster_at_an_address(data_folder):
    pytest.importorskip("ray")
    from ctrbench.execution.cluster import RayExecutor

    with pytest.raises(CtrbenchError, match=r"--cluster 127.0.0.1:9: no Ray cluster to connect to .*; start one with"):
        RayExecutor("127.0.0.1:9", data_folder)


def test_without_ray_the_cluster_says_how_to_get_it():
    code = "import sys; sys.modules['ray'] = None\nimport ctrbench.execution.cluster"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.stderr.splitlines()[-1] == (
        "ctrbench.errors.CtrbenchError: --cluster needs Ray; run: pip install 'ctrbench[cluster]'"
    )


def test_other_executors_do_not_import_ray():
    code = "import sys, ctrbench.execution.local, ctrbench.execution.shipment; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
