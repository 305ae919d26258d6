import pytest

from tests.fakes import prepared
from tests.fakes import work as fakes
from tests.fakes.records import facts, reference


@pytest.fixture
def place(tmp_path, monkeypatch):
    """``data/toy`` prepared, data and results folders named by the environment, and jobs that train nothing."""
    prepared.prepare(tmp_path / "data")
    monkeypatch.setenv("CTRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("ctrbench.execution.run.RunJob", lambda *choices: fakes.work)
    monkeypatch.setattr("ctrbench.measure.references.measure_references", measure_references)
    return tmp_path


def measure_references(manifest, wanted, *, store, data, expressions=()):
    """Notes it, and stores a reference row of the click."""
    fakes.note(data, f"references {manifest.name}")
    if not store.references(manifest.name):
        store.write_references(facts(manifest), [reference(manifest)])
