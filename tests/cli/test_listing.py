import json
import sys

import pytest
from rich.text import Text

from ctrbench.store.store import Store
from tests.fakes import prepared

ONE = ("run", "--method", "plain", "--dataset", "toy", "--seeds", 1, "--jobs", 1)


def rows(text):
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.parametrize(
    ("kind", "name", "what"),
    [
        ("methods", "aqcl", "AQCL: a contrastive loss that relies on a codebook of interests"),
        ("backbones", "din", "Deep Interest Network: the history is weighted by its relevance"),
        ("metrics", "ne", "Normalized entropy (NE)"),
        ("views", "gain-by-column", "What a method adds to the base's metric in each group of a column"),
        ("recipes", "quickstart", "Quick start"),
        ("recipes", "aqcl-figure7", "Sensitivity of AQCL"),
    ],
)
def test_a_list_has_a_line_on_what_each_thing_is(ctrbench, place, kind, name, what):
    status, out, err = ctrbench("list", kind)
    assert (status, err) == (0, "")
    lines = dict(rows(out))
    assert lines[name].startswith(what)
    assert all(lines.values())


def test_components_are_listed_in_their_order_of_declaration(ctrbench, place):
    assert [name for name, _ in rows(ctrbench("list", "methods")[1])][:6] == (
        ["plain", "dropoutnet", "deepmcp", "dmr", "icl", "aqcl"]
    )
    assert [name for name, _ in rows(ctrbench("list", "backbones")[1])] == [
        *("wide-deep", "deepfm", "din", "dcn-v2", "autoint", "wukong", "dhen", "embeddings", "mlp"),
        *("single-task", "shared-bottom", "shared-mlp", "omoe", "mmoe", "ple", "esmm", "aitm", "fdn"),
    ]


def test_a_summary_is_the_whole_first_paragraph(ctrbench, place):
    lines = dict(rows(ctrbench("list", "views")[1]))
    assert all(line.rstrip().endswith((".", "!", "?")) for line in lines.values()), lines


def test_datasets_are_listed_with_their_state(ctrbench, place):
    lines = rows(ctrbench("list", "datasets")[1])
    assert ["toy", "prepared, 4 users, 3 items, 20 interactions", "Toy"] in lines
    assert ["amazon-beauty", "not prepared; ctrbench prepare amazon-beauty", "Amazon Beauty (5-core, 2014)"] in lines
    assert not {"example-card", "minimal-card"} & {name for name, *_ in lines}


def test_a_list_of_no_runs_is_empty(ctrbench, place):
    assert ctrbench("list", "runs") == (0, "", "")


def test_a_run_is_listed_and_shown_by_the_start_of_its_identity(ctrbench, place):
    ctrbench(*ONE)
    ((prefix, *row),) = rows(ctrbench("list", "runs")[1])
    assert row[:5] == ["toy", "din", "plain", "0", "click"]
    assert row[5].startswith("AUC 0.")
    assert row[6] == "work"
    shown = json.loads(ctrbench("show", prefix)[1])
    assert shown["identity"].startswith(prefix)
    assert shown["method"] == "plain"
    assert "environment" in shown


def test_runs_are_chosen_by_dataset_backbone_and_method(ctrbench, place):
    prepared.prepare(place / "data", "other")
    prepared.prepare(place / "data", "toy@ties=apart")
    datasets = "toy,other,toy@ties=apart"
    ctrbench("run", "--method", "icl", "--backbone", "din,deepfm", "--dataset", datasets, "--seeds", 1, "--jobs", 1)

    def listed(*options):
        status, out, err = ctrbench("list", "runs", *options)
        assert (status, err) == (0, "")
        return {tuple(row[1:4]) for row in rows(out)}

    everything = {
        (dataset, backbone, method)
        for dataset in datasets.split(",")
        for backbone in ("din", "deepfm")
        for method in ("plain", "icl")
    }
    assert listed() == listed("--method", "all") == everything
    assert listed("--method", "icl") == {row for row in everything if row[2] == "icl"}
    assert listed("--dataset", "other,toy@ties=apart") == {row for row in everything if row[0] != "toy"}
    # A dataset's name also chooses its changed cards.
    assert listed("--dataset", "toy", "--backbone", "din") == {
        row for row in everything if row[0] != "other" and row[1] == "din"
    }


def test_a_name_that_no_run_has_and_a_choice_of_other_things_are_refused(ctrbench, place):
    ctrbench(*ONE)
    message = "error: unknown method of a finished run 'plian'; did you mean plain?\n"
    assert ctrbench("list", "runs", "--method", "plian") == (1, "", message)
    message = "error: --dataset, --backbone and --method choose runs; leave them out, or: ctrbench list runs\n"
    assert ctrbench("list", "methods", "--dataset", "toy") == (1, "", message)


def test_a_terminal_shows_a_table_of_its_width(ctrbench, place, monkeypatch):
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    monkeypatch.setenv("COLUMNS", "60")
    for kind in ("methods", "views", "recipes", "datasets"):
        lines = [Text.from_ansi(line) for line in ctrbench("list", kind)[1].splitlines()]
        assert lines[0].plain.split()[0] == kind.removesuffix("s")
        assert max(line.cell_len for line in lines) <= 60


def test_brackets_in_a_title_survive(ctrbench, place, monkeypatch):
    prepared.prepare(place / "data", title="Clicks [2021] of [bold]all[/bold]")
    for terminal in (False, True):
        monkeypatch.setattr("rich.console.Console.is_terminal", terminal)
        monkeypatch.setenv("COLUMNS", "200")
        assert "Clicks [2021] of [bold]all[/bold]" in ctrbench("list", "datasets")[1]


def test_a_recipe_that_is_no_text_is_one_line(ctrbench, place):
    (place / "mine.toml").write_bytes(b'title = "\xff"')
    status, out, err = ctrbench("show", place / "mine.toml")
    assert (status, out) == (1, "")
    assert err.startswith(f"error: {place / 'mine.toml'}: cannot be read ('utf-8' codec")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("aqcl", ["arXiv 2109.13921", "equations 3 to 8", "weight: float = 0.05"]),
        ("plain", ["settings: none"]),
        ("din", ["paper: ", "source: ", "hidden: tuple[int, ...] = (128, 64)"]),
        ("auc", ["label: AUC", "direction: higher"]),
        ("levels", ["levels: Mean and spread"]),
        ("quickstart", ["ctrbench run quickstart", 'datasets = ["oncold-sim@scale=0.004"]']),
        ("aqcl-figure7", ['recipes = ["aqcl-figure7a"']),
        ("amazon-beauty", ["[split]", "not prepared; ctrbench prepare amazon-beauty"]),
        ("toy", ["prepared in", '"fingerprint": "']),
    ],
)
def test_show(ctrbench, place, name, parts):
    status, out, _ = ctrbench("show", name)
    assert status == 0
    for part in parts:
        assert part in out


def test_show_of_an_unknown_name(ctrbench, place):
    assert ctrbench("show", "aqcll") == (1, "", "error: unknown name 'aqcll'; did you mean aqcl?\n")


def test_doctor_finds_nothing_wrong(ctrbench, place):
    status, out, _ = ctrbench("doctor")
    assert status == 0
    assert f"intact, fingerprint {prepared.manifest().fingerprint[:12]}" in out
    assert all(line.startswith("ok ") for line in out.splitlines())
    assert f"results folder {place / 'results'}: writable" in out
    assert "records: 0 in the archive, 0 not packed, intact" in out


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("", "ok     kernels: fused by numba 0.68.1"),
        (
            "numba is not installed",
            "ok     kernels: reference (numba is not installed; to fuse them: pip install 'ctrbench[fast]')",
        ),
    ],
)
def test_doctor_names_the_kernels(ctrbench, place, monkeypatch, problem, line):
    monkeypatch.setattr("ctrbench.backbones.kernels.numba_problem", lambda: problem)
    monkeypatch.setattr("ctrbench.backbones.kernels.numba_version", lambda: "0.68.1")
    assert line in ctrbench("doctor")[1].splitlines()


def test_doctor_reads_every_record_and_all_best_settings(ctrbench, place):
    ctrbench("run", "--method", "plain", "--dataset", "toy", "--seeds", 2, "--jobs", 1)
    record, _ = sorted((place / "results" / "work" / "finished").glob("*.json"))
    record.write_text(record.read_text().replace('"auc": {"overall": [0.', '"auc": {"overall": [7.'))
    (place / "results" / "best_settings").mkdir()
    (place / "results" / "best_settings" / "toy.toml").write_text("results = ")
    status, out, err = ctrbench("doctor")
    assert (status, err) == (1, "error: 2 faults found; see above for how to mend each\n")
    assert f"FAULT  record: {record}: tasks.click" in out or f"FAULT  record: {record}: " in out
    assert "a value of auc is out of bounds" in out
    assert "ok     records: 0 in the archive, 1 not packed, intact" in out
    assert "FAULT  best settings: " in out


def test_doctor_finds_a_damaged_archive(ctrbench, place):
    ctrbench(*ONE)
    assert ctrbench("results", "pack")[0] == 0
    (file,) = (place / "results" / "records").glob("toy/din-plain.jsonl")
    file.write_text(file.read_text().replace('"seed":0', '"seed":5').replace('"seed": 0', '"seed": 5'))
    status, out, _ = ctrbench("doctor")
    assert status == 1
    assert "FAULT  record: " in out
    assert ctrbench("results", "verify")[0] == 1


def test_doctor_finds_changed_data_and_a_results_folder_that_cannot_be_written(ctrbench, place):
    manifest = place / "data" / "toy" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"items": 3', '"items": 5'))
    (place / "results").write_text("a file")
    status, out, err = ctrbench("doctor")
    assert status == 1
    assert err.startswith("error: ")
    faults = [line for line in out.splitlines() if line.startswith("FAULT")]
    assert [fault.split()[1] for fault in faults][-1] == "data"
    assert any(fault.startswith(f"FAULT  results folder {place / 'results'}: ") for fault in faults)
    assert "prepare again: ctrbench prepare toy --source FILE --card CARD --force" in faults[-1]


def test_too_short_a_start_of_an_identity_is_refused(ctrbench, place):
    ctrbench(*ONE)
    (identity,) = Store.of(place / "results").work.identities()
    short = identity[:4]
    message = f"error: {short}: too short for a job's identity; give its first 6 characters or more\n"
    assert ctrbench("show", short) == (1, "", message)
    assert "its first 6 characters" in " ".join(ctrbench("show", "--help")[1].replace("│", " ").split())


def test_list_of_an_unknown_kind_is_one_line(ctrbench, place):
    message = "error: unknown kind of thing to list 'dataset'; did you mean datasets?\n"
    assert ctrbench("list", "dataset") == (1, "", message)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """Packages from outside with methods that are broken or say nothing of themselves."""
    folder = tmp_path / "outside"
    info = folder / "outside-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[ctrbench.methods]\nabsent = no_such_module:X\nnameless = outside_silent:NoSuchClass\nquitting = "
        "outside_quitting:X\nfunction = outside_silent:function\nsilent = outside_silent:Silent\n"
    )
    (folder / "outside_silent.py").write_text(
        "from ctrbench.methods.base import Method\n\ndef function(): pass\n\nclass Silent(Method): pass\n"
        "Silent.__doc__ = None\n"
    )
    (folder / "outside_quitting.py").write_text("import sys\nsys.exit('bye')\n")
    monkeypatch.syspath_prepend(folder)
    yield
    from ctrbench.methods import METHODS

    METHODS._loaded.pop("silent", None)
    for module in ("outside_silent", "outside_quitting"):
        sys.modules.pop(module, None)


BROKEN = {
    "absent": "no_such_module:X of outside 1.0 cannot be loaded "
    "(ModuleNotFoundError: No module named 'no_such_module')",
    "nameless": "outside_silent:NoSuchClass of outside 1.0 cannot be loaded "
    "(AttributeError: module 'outside_silent' has no attribute 'NoSuchClass')",
    "quitting": "outside_quitting:X of outside 1.0 cannot be loaded (SystemExit: bye)",
    "function": "outside_silent:function of outside 1.0 is no subclass of ctrbench.methods.base.Method",
}


def test_a_plug_in_that_says_nothing_of_itself_is_listed_and_shown(ctrbench, place, outside):
    assert dict(rows(ctrbench("list", "methods")[1]))["silent"] == "no documentation"
    status, out, _ = ctrbench("show", "silent")
    assert (status, out) == (0, "silent: no documentation\nfrom: outside 1.0\nsettings: none\n")


def test_broken_plug_ins_do_not_break_a_list(ctrbench, place, outside):
    status, out, _ = ctrbench("list", "methods")
    assert status == 0
    lines = dict(rows(out))
    for name, cause in BROKEN.items():
        assert lines[name] == f"method '{name}': the entry point {cause}; mend or uninstall that package"
    assert lines["plain"].startswith("The backbone alone")


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("verb", ["show", "run", "report"])
def test_a_broken_plug_in_is_one_line(ctrbench, place, outside, verb, name):
    (place / "mine.toml").write_text(
        f'title = "Mine"\ndatasets = ["toy"]\nbackbones = ["din"]\nmethods = ["plain", "{name}"]\nseeds = 1\n'
    )
    status, out, err = ctrbench(verb, name if verb == "show" else place / "mine.toml")
    assert (status, out) == (1, "")
    assert err.count("\n") == 1
    assert f"the entry point {BROKEN[name]}; mend or uninstall" in err


def test_other_verbs_do_not_mind_a_broken_plug_in(ctrbench, place, outside):
    for arguments in (("list", "runs"), ("list", "datasets"), ("show", "aqcl"), ("show", "quickstart"), ("doctor",)):
        status, _, err = ctrbench(*arguments)
        assert (status, err) == (0, "")
    status, _, err = ctrbench(*ONE)
    assert status == 0, err
