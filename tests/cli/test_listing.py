import json

import pytest

from tests.experiments import fakes


def test_lists(ctrbench, place):
    assert ctrbench("list", "methods")[1].split() == ["plain", "dropoutnet", "deepmcp", "dmr", "icl", "aqcl"]
    assert ctrbench("list", "backbones")[1].split() == ["wide-deep", "deepfm", "din"]
    assert "quickstart: " in ctrbench("list", "recipes")[1]
    datasets = ctrbench("list", "datasets")[1].splitlines()
    assert "toy: prepared, 4 users, 3 items, 20 interactions" in datasets
    assert "amazon-beauty: not prepared; ctrbench prepare amazon-beauty" in datasets
    assert ctrbench("list", "runs")[:2] == (0, "")


def test_a_run_is_listed_and_shown_by_the_start_of_its_identity(ctrbench, place):
    ctrbench("run", "--method", "plain", "--dataset", "toy", "--seeds", 1, "--jobs", 1)
    (line,) = ctrbench("list", "runs")[1].splitlines()
    prefix, _, row = line.partition("  ")
    assert row.startswith("toy din plain seed 0  test AUC 0.")
    shown = json.loads(ctrbench("show", prefix)[1])
    assert shown["identity"].startswith(prefix)
    assert shown["config"]["method"] == "plain"
    assert "environment" in shown


def test_a_recipe_that_is_no_text_is_told_in_a_line(ctrbench, place):
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
        ("quickstart", ["ctrbench run quickstart", 'datasets = ["oncold-sim@scale=0.004"]']),
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
    assert f"intact, fingerprint {fakes.manifest().fingerprint[:12]}" in out
    assert all(line.startswith("ok ") for line in out.splitlines())
    assert f"results folder {place / 'results'}: writable" in out
    assert "records: 0 finished runs, intact" in out


def test_doctor_reads_every_record_and_every_search(ctrbench, place):
    ctrbench("run", "--method", "plain", "--dataset", "toy", "--seeds", 2, "--jobs", 1)
    record, _ = sorted((place / "results" / "runs").glob("*/record.json"))
    record.write_text(record.read_text().replace('"auc": 0.', '"auc": 7.'))
    (place / "results" / "found").mkdir()
    (place / "results" / "found" / "toy.toml").write_text("found = ")
    status, out, err = ctrbench("doctor")
    assert (status, err) == (1, "error: 2 faults found; see above for the way out of each\n")
    assert f"FAULT  record: {record}: metrics.0.auc: input should be less than or equal to 1" in out
    assert "ok     records: 1 finished runs, intact" in out
    assert "FAULT  searches: " in out


def test_doctor_finds_changed_data_and_a_results_folder_that_cannot_be_written(ctrbench, place):
    manifest = place / "data" / "toy" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"items": 3', '"items": 5'))
    (place / "results").write_text("a file")
    status, out, err = ctrbench("doctor")
    assert (status, err) == (1, "error: 2 faults found; see above for the way out of each\n")
    faults = [line for line in out.splitlines() if line.startswith("FAULT")]
    assert [fault.split()[1] for fault in faults] == ["results", "data"]
    assert "prepare again: ctrbench prepare toy --source FILE --card CARD --force" in faults[1]


def test_too_short_a_start_of_an_identity_is_said_so(ctrbench, place):
    ctrbench("run", "--method", "plain", "--dataset", "toy", "--seeds", 1, "--jobs", 1)
    short = ctrbench("list", "runs")[1][:4]
    message = f"error: {short}: too short for a run's identity; give its first 6 letters or more\n"
    assert ctrbench("show", short) == (1, "", message)
    assert "its first 6 letters" in " ".join(ctrbench("show", "--help")[1].replace("│", " ").split())


def test_list_of_an_unknown_kind_is_one_line(ctrbench, place):
    message = "error: unknown kind of thing to list 'dataset'; did you mean datasets?\n"
    assert ctrbench("list", "dataset") == (1, "", message)
