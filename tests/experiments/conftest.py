import pytest

from tests.experiments import fakes


@pytest.fixture
def place(tmp_path):
    """A folder with ``data/toy`` prepared."""
    fakes.prepare(tmp_path / "data")
    return tmp_path
