import sys

import pytest

from ctrbench.cli import main
from tests.experiments import fakes


@pytest.fixture
def ctrbench(monkeypatch, capsys):
    """Runs a command line; returns exit status, standard output and standard error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["ctrbench", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return end.value.code, captured.out, captured.err

    return call


@pytest.fixture
def place(tmp_path, monkeypatch):
    """``data/toy`` prepared, data and results folders named by the environment, and runs that train nothing."""
    fakes.prepare(tmp_path / "data")
    monkeypatch.setenv("CTRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr("ctrbench.experiments.single.execute_run", fakes.runner)
    monkeypatch.setattr("ctrbench.experiments.references.reference_records", fakes.references)
    return tmp_path
