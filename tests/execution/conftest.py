"""A Ray cluster on this machine, shared by all tests that need one."""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
IMPATIENT = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 200, "health_check_failure_threshold": 3}
"""A node that is gone is missed within a second."""


@dataclass
class ThreeNodes:
    """Three raylets, the first of them the head, each with a cache folder of its own."""

    folder: Path
    cluster: Any
    nodes: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.cluster.address

    def cache(self, name: str) -> Path:
        return self.folder / name

    def add(self, name: str, cpus: int, **arguments: Any) -> None:
        # As on a machine of its own, a node finds the package through its environment.
        variables = {"NODE": name, "CTRBENCH_CACHE": str(self.cache(name)), "PYTHONPATH": str(ROOT)}
        self.nodes[name] = self.cluster.add_node(num_cpus=cpus, env_vars=variables, **arguments)

    def kill(self, name: str) -> None:
        self.cluster.remove_node(self.nodes.pop(name), allow_graceful=False)


@pytest.fixture(scope="session")
def three_nodes(tmp_path_factory):
    pytest.importorskip("ray", reason="ray is not installed: pip install 'ctrbench[cluster]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    # Its sockets' paths may have no more than 107 letters.
    sockets = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    three = ThreeNodes(tmp_path_factory.mktemp("nodes"), Cluster())
    try:
        three.add("head", 1, include_dashboard=False, temp_dir=sockets, _system_config=IMPATIENT)
        three.add("second", 2)
        three.add("third", 1)
        yield three
    finally:
        three.cluster.shutdown()
        shutil.rmtree(sockets, ignore_errors=True)
