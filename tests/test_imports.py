"""Imports run downwards only: the contract in pyproject.toml, held by import-linter."""

from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]


def test_imports_run_downwards_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename="pyproject.toml", no_cache=True)
    assert status == 0, capsys.readouterr().out


def test_an_import_upwards_breaks_the_contract(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same contract on a package of two layers, of which the lower one imports the upper."""
    contract = (ROOT / "pyproject.toml").read_text("utf-8").partition("[tool.importlinter]")[2]
    assert contract.index('"report"') < contract.index('"store"') < contract.index('"training"')
    package = tmp_path / "upwards"
    package.mkdir()
    for name, text in {"__init__": "", "upper": "X = 1", "lower": "from upwards.upper import X"}.items():
        (package / f"{name}.py").write_text(text)
    (tmp_path / "rules.toml").write_text(
        '[tool.importlinter]\nroot_package = "upwards"\n[[tool.importlinter.contracts]]\nname = "layers"\n'
        'type = "layers"\ncontainers = ["upwards"]\nlayers = ["upper", "lower"]\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert lint_imports(config_filename="rules.toml", no_cache=True) == 1
    assert "upwards.lower is not allowed to import upwards.upper" in capsys.readouterr().out
