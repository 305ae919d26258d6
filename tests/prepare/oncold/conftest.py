"""One small simulation for all tests of this folder: two blocks of users."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from ctrbench.data.schema import Manifest
from ctrbench.prepare.card import Card, shipped_card
from ctrbench.prepare.formats import Request, Simulation
from ctrbench.prepare.oncold import prepare
from ctrbench.prepare.oncold.blocks import Plan
from ctrbench.prepare.oncold.simulate import make_plan
from ctrbench.prepare.writer import write_manifest

SCALE = 0.004


@dataclass(frozen=True)
class Simulated:
    """A prepared folder, read back as columns."""

    manifest: Manifest
    rows: dict[str, np.ndarray]
    sequence: np.ndarray
    items: dict[str, np.ndarray]
    users: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def card() -> Card:
    return shipped_card("oncold-sim")


@pytest.fixture(scope="session")
def simulate(card: Card) -> Callable[..., Manifest]:
    def run(folder: Path, **simulation: float) -> Manifest:
        request = Request(card=card, files={}, checksums={}, folder=folder, simulation=Simulation(**simulation))
        return write_manifest(folder, prepare(request))

    return run


@pytest.fixture(scope="session")
def simulated(simulate: Callable[..., Manifest], tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    folder = tmp_path_factory.mktemp("oncold-sim")
    manifest = simulate(folder, scale=SCALE)

    def columns(name: str) -> dict[str, np.ndarray]:
        table = pq.read_table(folder / f"{name}.parquet")
        return {column: table[column].to_numpy() for column in table.column_names}

    return Simulated(
        manifest, columns("rows"), columns("sequence")["item"], columns("items"), columns("users"), columns("truth")
    )


@pytest.fixture(scope="session")
def plan(card: Card) -> Plan:
    return make_plan(card, Simulation(scale=SCALE))
