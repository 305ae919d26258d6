import subprocess
import sys

HEAVY = {"torch", "pandas", "pyarrow", "scipy", "numpy", "optuna", "joblib", "pydantic", "sklearn"}


def test_importing_the_command_line_loads_nothing_heavy():
    command = "import sys, ctrbench.cli; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.split()
    assert "ctrbench.cli.run" in loaded
    assert HEAVY.intersection(loaded) == set()


def test_help_names_every_verb(ctrbench):
    status, out, _ = ctrbench("--help")
    assert status == 0
    assert all(verb in out for verb in ("prepare", "run", "search", "report", "list", "show", "doctor"))


def test_a_place_without_permission_is_told_in_a_line(ctrbench, place, monkeypatch):
    def closed(*_):
        raise PermissionError(13, "Permission denied", "somewhere/runs")

    monkeypatch.setattr("ctrbench.experiments.ledger.Ledger.identities", closed)
    assert ctrbench("list", "runs") == (1, "", "error: somewhere/runs: Permission denied\n")


def test_an_interrupt_says_how_to_go_on(ctrbench, place, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("ctrbench.experiments.single.execute_run", interrupted)
    status, _, err = ctrbench("run", "--method", "plain", "--dataset", "toy", "--jobs", 1)
    assert status == 130
    assert err.splitlines()[-1] == "interrupted; the same command goes on from here"
