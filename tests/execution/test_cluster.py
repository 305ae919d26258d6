import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.execution.handover import Assignment
from ctrbench.execution.local import LocalExecutor
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


@pytest.fixture
def executor(three_nodes, data_folder):
    from ctrbench.execution.cluster import RayExecutor

    with contextlib.closing(RayExecutor(three_nodes.address, data_folder)) as executor:
        yield executor


def accept(handover):
    return True


def nodes_of(log):
    """identity -> nodes that began an epoch of it."""
    nodes = {}
    for identity, _, _, node in fakes.lines(log):
        nodes.setdefault(identity, set()).add(node)
    return nodes


def test_data_reach_every_node_once_and_results_equal_local_ones(
    three_nodes, executor, data_folder, local_outputs, tmp_path, log
):
    store = Store(tmp_path / "store")
    fakes.drive(executor, store, NAMES, Settings(log, pause=0.2), "small")
    assert store.outputs() == local_outputs
    assert set.union(*nodes_of(log).values()) == {"head", "second", "third"}
    assert "here" not in nodes_of(log).values()
    assert len(fakes.processes(log)) == 4
    for name in three_nodes.nodes:
        (copy,) = three_nodes.cache(name).glob("*/small")
        assert {path.name: path.read_bytes() for path in copy.iterdir()} == {
            path.name: path.read_bytes() for path in (data_folder / "small").iterdir()
        }
