import json

import pytest

from ctrbench.testing.data import make_dataset
from tests.benchmarks import contestants
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
