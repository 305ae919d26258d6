import pytest

from tests.fakes import prepared


@pytest.fixture
def place(tmp_path):
    """A folder with ``data/toy`` prepared."""
    prepared.prepare(tmp_path / "data")
    return tmp_path
