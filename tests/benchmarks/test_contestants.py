import json

import pytest

from ctrbench.testing.data import make_dataset
from ctrbench.testing.runs import FUNNEL
from tests.benchmarks import contestants, costs, pairs
from tests.benchmarks.__main__ import CONTESTANTS


@pytest.fixture(scope="module")
def beauty(tmp_path_factory):
    """A small dataset in the place of the one that is measured."""
    folder = tmp_path_factory.mktemp("bench")
    make_dataset(folder, "amazon-beauty")
    return folder


@pytest.mark.parametrize("name", CONTESTANTS)
def test_a_contestant_runs_and_reports(beauty, capsys, name):
    contestants.main(name, str(beauty), "1", "0")
    result = json.loads(capsys.readouterr().out)
    assert result["name"] == name
    assert min(result["rows"], result["seconds"], result["groups_seconds"]) > 0
    assert 0 < result["auc"] < 1


def test_kernels_are_compared_in_pairs(beauty, capsys, monkeypatch):
    pytest.importorskip("numba", reason="needs ctrbench[fast]")
    monkeypatch.setattr(pairs, "PAIRS", 3)
    pairs.main("din", "plain", "1e-3", str(beauty))
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["training", "prediction"]
    assert all(0 < low <= median <= high for low, median, high in result.values())


def test_costs_are_compared_in_pairs(data_folder, capsys, monkeypatch):
    cohorts = {"head": ["age_group = 3"], "tail": ["age_group = 1"]}
    small = {"DATASET": "orders", "DATA": FUNNEL, "NO_HISTORY": FUNNEL, "C2AL": cohorts, "STEPS": 2}
    for name, value in small.items():
        monkeypatch.setattr(costs, name, value)
    monkeypatch.setattr(pairs, "PAIRS", 2)
    costs.main(str(data_folder))
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["pwiser", "c2al", "mmoe"]
    assert all(0 < low <= median <= high for low, median, high in result.values())


def test_a_quotient_above_one_says_that_the_second_lap_is_faster(monkeypatch):
    clock = iter(range(10**6))
    monkeypatch.setattr(pairs.time, "process_time", lambda: next(clock))
    slow = pairs.quotients({"first": lambda: [next(clock) for _ in range(9)], "second": lambda: next(clock)})
    assert slow == [5.0, 5.0, 5.0]
