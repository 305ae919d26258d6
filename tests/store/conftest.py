import pytest

from ctrbench.store.store import Store
from tests.fakes import prepared


@pytest.fixture
def manifest():
    return prepared.manifest()


@pytest.fixture
def store(tmp_path):
    return Store.of(tmp_path / "results")
