import ast
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import ctrbench

HEAVY = {"torch", "pandas", "pyarrow", "scipy", "numpy", "optuna", "joblib", "pydantic", "sklearn", "ray"}


def modules_after(code):
    """Modules that a process has loaded once it has run a line of code."""
    command = [sys.executable, "-c", f"import sys\n{code}\nprint(' '.join(sys.modules), file=sys.stderr)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stderr.split())


def test_importing_the_package_and_the_help_load_nothing_heavy():
    code = "import ctrbench\nfrom ctrbench.cli import app\napp(['--help'], standalone_mode=False)"
    loaded = modules_after(code)
    assert "ctrbench.cli.run" in loaded
    assert HEAVY.intersection(loaded) == set()
    assert "resource" not in loaded


def test_a_report_a_list_and_a_plan_load_no_torch(tmp_path):
    """The modules themselves need none; neither ``resource``, which Windows lacks."""
    code = (
        f"import os\nos.environ['CTRBENCH_DATA'] = {str(tmp_path)!r}\nfrom ctrbench.cli import app\n"
        "for line in ('report tasks-oncold', 'list recipes', 'list metrics', 'list runs --dataset amazon-beauty'):\n"
        "    app(line.split(), standalone_mode=False)\nimport ctrbench.execution.drive, ctrbench.tuning.search"
    )
    assert {"torch", "optuna", "ray", "resource"}.intersection(modules_after(code)) == set()


def test_no_module_needs_a_system_to_be_unix():
    """Windows has no such modules; an import inside a function may be guarded."""
    package, unix = Path(ctrbench.__file__).parent, {"resource", "fcntl", "pwd", "grp", "termios"}
    files = [*package.rglob("*.py")]
    for path in files:
        for node in ast.parse(path.read_text("utf-8")).body:
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            assert not unix.intersection(names), path
    assert len(files) > 100


def test_help_names_every_verb(ctrbench):
    status, out, _ = ctrbench("--help")
    assert status == 0
    verbs = ("prepare", "run", "search", "measure", "report", "results", "list", "show", "doctor")
    assert all(verb in out for verb in verbs)


def test_a_place_without_permission_is_one_line(ctrbench, place, monkeypatch):
    def closed(*_):
        raise PermissionError(13, "Permission denied", "somewhere/work")

    monkeypatch.setattr("ctrbench.store.work.WorkFolder.identities", closed)
    assert ctrbench("list", "runs") == (1, "", "error: somewhere/work: Permission denied\n")


def test_an_interrupt_says_how_to_resume(ctrbench, place, monkeypatch):
    def interrupted(assignment, data):
        raise KeyboardInterrupt

    monkeypatch.setattr("ctrbench.execution.run.RunJob", lambda *choices: interrupted)
    status, _, err = ctrbench("run", "--method", "plain", "--dataset", "toy", "--jobs", 1)
    assert status == 130
    assert err.splitlines()[-1] == "interrupted; rerun the command to resume"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("run", "--help"),
        ("list", "methods"),
        ("list", "recipes"),
        ("list", "datasets"),
        ("show", "aqcl"),
        ("show", "aqcl-table2"),
        ("show", "amazon-beauty"),
        ("doctor",),
        ("run", "MINE", "--jobs", "1"),
        ("report", "MINE"),
        ("report", "MINE", "--full"),
        ("report", "MINE", "--format", "markdown"),
        ("measure", "MINE"),
        ("results", "verify"),
        ("search", "MINE"),
        ("show", "…"),
    ],
    ids=" ".join,
)
def test_a_terminal_without_utf_8_gets_question_marks_and_no_traceback(place, monkeypatch, arguments):
    recipe = place / "mine.toml"
    recipe.write_text(
        'title = "Größe und Länge ±"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods = ["plain", "icl"]\nseeds = 1\n',
        encoding="utf-8",
    )
    arguments = [str(recipe) if each == "MINE" else each for each in arguments]
    from ctrbench.cli import main

    def call(*arguments):
        streams = {name: io.TextIOWrapper(io.BytesIO(), "ascii") for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            monkeypatch.setattr(sys, name, stream)
        monkeypatch.setattr(sys, "argv", ["ctrbench", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        for stream in streams.values():
            stream.flush()
        return end.value.code, *(stream.buffer.getvalue().decode("ascii", "replace") for stream in streams.values())

    if arguments[0] == "report":
        assert call("run", str(recipe), "--jobs", "1")[0] == 0
    status, out, err = call(*arguments)
    assert "Traceback" not in err
    assert status == (1 if arguments[0] in ("search", "measure") or arguments[1:] == ["…"] else 0), err
    assert out or err


def test_the_c_locale_ends_no_verb_in_a_traceback(place):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "ctrbench", "show", "aqcl-table2"]
    done = subprocess.run(command, capture_output=True, env=environment, check=True)
    assert done.stdout.isascii()
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("arguments", [["list", "recipes"], ["show", "aqcl"], ["--help"]])
def test_a_full_disk_under_standard_output_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "ctrbench", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_a_reader_that_has_enough_ends_no_verb_in_a_traceback():
    command = [sys.executable, "-m", "ctrbench", "list", "recipes"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
