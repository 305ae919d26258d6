"""The command as a user runs it, with real training: killed, interrupted and resumed; two tasks; changed data."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ctrbench.methods import METHODS
from ctrbench.metrics import METRICS
from ctrbench.prepare.stage import prepare
from ctrbench.store.store import Store
from ctrbench.testing.data import card, make_dataset

RUN = (
    "run --dataset small --method aqcl --backbone din --seeds 2 --set training.batch_size=256 "
    "--set training.epochs=4 --set training.patience=4 --set data.minimum_history=0"
).split()


@pytest.fixture
def place(data_folder, tmp_path, monkeypatch):
    """The results folder; both folders are named by the environment."""
    monkeypatch.setenv("CTRBENCH_DATA", str(data_folder))
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "results"))
    return tmp_path / "results"


def finished(results):
    """Identity -> what training and measuring leave of every finished job, without times and the machine."""
    store = Store.of(results)
    entries = {entry.record.identity: entry for entry in store.all_entries()}
    return {
        identity: (
            entry.record.model_dump(exclude={"epochs", "timings", "environment"}),
            [(epoch.loss, epoch.parts, epoch.validation) for epoch in entry.record.epochs],
            entry.facts,
            store.work.read_predictions(identity).to_pydict(),
        )
        for identity, entry in entries.items()
    }


def stopped_in_mid_job(results, *options, by):
    """Starts the command in a process group of its own, stops it once another checkpoint is written; its status and
    the last line that it says."""
    jobs = Store.of(results).work.folder / "jobs"
    command = [sys.executable, "-m", "ctrbench", *RUN, *options]
    started = time.time()
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        deadline = time.monotonic() + 120
        while not any(path.stat().st_mtime > started for path in jobs.glob("*/checkpoint.safetensors")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, by)
        err = process.stderr.read()
    assert list(jobs.glob("*/checkpoint.safetensors")), "it came too late to leave a job half done"
    return process.returncode, (err.splitlines() or [""])[-1], err


def test_killed_interrupted_and_resumed_with_other_jobs_ends_with_the_same_bits(ctrbench, place, tmp_path, monkeypatch):
    assert stopped_in_mid_job(place, "--jobs", "2", by=signal.SIGKILL)[0] == -signal.SIGKILL
    status, last, err = stopped_in_mid_job(place, "--jobs", "1", by=signal.SIGINT)
    assert (status, last) == (130, "interrupted; rerun the command to resume")
    assert "Traceback" not in err
    assert ctrbench(*RUN, "--jobs", 1)[0] == 0
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "undisturbed"))
    assert ctrbench(*RUN, "--jobs", 1)[0] == 0
    ours, theirs = finished(place), finished(tmp_path / "undisturbed")
    assert len(theirs) == 4
    assert ours == theirs
    assert list((place / "work" / "jobs").iterdir()) == []


def test_a_job_that_diverges_is_named_and_the_others_go_on(ctrbench, place):
    arguments = "run --dataset small --method icl --backbone din --seeds 1 --jobs 1 --set training.epochs=1".split()
    status, out, err = ctrbench(*arguments, "--set", "methods.icl.tau=1e-45")
    assert status == 1
    assert "1 of 2 jobs failed; small din icl seed 0: the loss of epoch 1 is" in err.splitlines()[-1]
    assert "Traceback" not in err
    (failure,) = (place / "work" / "failed").glob("*.json")
    assert json.loads(failure.read_text())["config"]["method"] == "icl"
    assert "1 of 2 jobs" in out or "1 of 2 runs" in out


def test_jobs_on_changed_data_are_not_reused(ctrbench, place, tmp_path, monkeypatch):
    data = tmp_path / "data"
    make_dataset(data, "small")
    monkeypatch.setenv("CTRBENCH_DATA", str(data))
    arguments = "run --dataset small --method plain --seeds 1 --jobs 1 --set training.epochs=1".split()
    assert ctrbench(*arguments)[0] == 0
    assert ctrbench(*arguments)[2].splitlines()[0] == "1 jobs: 1 done, 0 left"
    manifest = json.loads((data / "small" / "manifest.json").read_text())
    rows = data / "small" / "rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-1] + b"x")
    status, _, err = ctrbench(*arguments, "--force")
    assert status == 1
    assert "rows.parquet: changed" in err
    source = data / "small.csv"
    lines = source.read_text().splitlines()
    source.write_text("\n".join(lines[:-20]) + "\n")
    assert prepare(card("small"), data, source=source, force=True).manifest.fingerprint != manifest["fingerprint"]
    assert ctrbench(*arguments, "--dry-run")[1].splitlines()[0] == "1 jobs: 0 done, 1 left"


REFUSED = {"c2al", "rmtl", "pwiser", "conversion-weighted", "ranknet", "listwise"}
"""Methods that refuse clicks without cohorts, impressions or conversions."""


def test_the_report_of_the_last_run_as_csv_and_a_new_cut_from_stored_predictions(ctrbench, place):
    arguments = "run --dataset small --method all --backbone deepfm --seeds 2 --jobs 1 --set training.epochs=1".split()
    status, _, err = ctrbench(*arguments)
    assert status == 0, err
    table = list(csv.DictReader(io.StringIO(ctrbench("report", "--format", "csv", "--by", "age_group")[1])))
    assert list(table[0]) == (
        "recipe,dataset,backbone,method,variant,task,group,metric,seeds,mean,std,ci_low,ci_high,base_delta,delta_low,"
        "delta_high,delta_error_training,delta_error_users,base_p,margin,detectable,published,published_delta,"
        "value_verdict,effect,agreement,seeds_to_decide"
    ).split(",")
    assert {row["method"] for row in table} == {*METHODS.builtin()} - REFUSED | {
        "item popularity",
        "item id",
        "clicked before",
        "random",
    }
    assert {row["group"] for row in table} == {"overall", "0", "1", "2", "3", "4"}


TASKS = """
title = "Two tasks"
datasets = ["oncold-sim@scale=0.0005"]
backbones = ["shared-bottom"]
methods = ["plain", "icl"]
seeds = 1
data.fields = ["user", "item", "category", "age"]
data.tasks = ["click", "conversion"]
data.derived.ctcvr = ["click", "conversion"]
data.given.conversion = "click"
training.epochs = 2
training.watch = "conversion.auc"
training.task_weights.conversion = 0.5

[[views]]
kind = "levels"
by = "user_value_percentile/4"
"""


def test_two_tasks_are_trained_measured_and_shown_and_measured_again_without_training(
    ctrbench, place, tmp_path, monkeypatch
):
    monkeypatch.setenv("CTRBENCH_DATA", str(tmp_path / "data"))
    recipe = tmp_path / "tasks.toml"
    recipe.write_text(TASKS)
    assert ctrbench("prepare", recipe)[0] == 0
    status, out, err = ctrbench("run", recipe, "--jobs", 1)
    assert status == 0, err
    store = Store.of(place)
    entries = list(store.all_entries())
    definitions = {"click": "click", "conversion": "conversion given click", "ctcvr": "click x conversion"}
    cut = "user_value_percentile/4"
    assert {entry.record.method for entry in entries} == {"plain", "icl"}
    for entry in entries:
        record, facts = entry.record, entry.facts
        assert {task: metrics.definition for task, metrics in record.tasks.items()} == definitions
        assert set(record.epochs[0].validation) == set(definitions)
        watched = [epoch.validation["conversion"]["auc"] for epoch in record.epochs]
        assert record.best_epoch == 1 + watched.index(max(watched))
        overall = {task: record.groups(facts, task, "overall")[0] for task in definitions}
        assert overall["click"].rows == overall["ctcvr"].rows == facts.splits["test"].rows
        assert overall["conversion"].rows == overall["click"].positives
        assert overall["conversion"].positives == overall["ctcvr"].positives
        for task in definitions:
            unknown = set() if task == "click" else {"converted_auc"}
            assert set(record.tasks[task].values) == set(METRICS.names()) - unknown
            assert sum(group.rows for group in record.groups(facts, task, cut)) == overall[task].rows
        predictions = store.work.read_predictions(record.identity)
        assert predictions.column_names == ["row", "click", "conversion"]
    references = store.references("oncold-sim@scale=0.0005")
    assert sorted((row.reference, row.task) for row in references) == sorted(
        (name, definition)
        for name in ("popularity", "item_id", "clicked_before", "random", "oracle")
        for definition in definitions.values()
    )
    for task in definitions:
        assert task in out
    before = {entry.record.identity: entry.record for entry in entries}
    status, out, err = ctrbench("measure", recipe, "--by", "age_group*surface_group")
    assert (status, out) == (0, "tasks: 2 of 2 jobs measured again\n"), err
    again = {entry.record.identity: entry.record for entry in Store.of(place).all_entries()}
    assert again.keys() == before.keys()
    for identity, record in again.items():
        assert record.epochs == before[identity].epochs
        for task, metrics in before[identity].tasks.items():
            for metric, columns in metrics.values.items():
                found = record.tasks[task].values[metric]
                assert {column: found[column] for column in columns} == columns
                assert "age_group*surface_group" in found
    status, out, err = ctrbench("report", recipe, "--by", "age_group*surface_group", "--format", "csv")
    assert status == 0, err
    assert "conversion" in out
    identity = next(iter(before))
    store.work.predictions(identity).unlink()
    status, out, err = ctrbench("measure", recipe)
    assert (status, out) == (1, "tasks: 1 of 2 jobs measured again\n")
    assert "no predictions here for 1 job: oncold-sim@scale=0.0005 shared-bottom" in err
    assert f"train them again: ctrbench run {recipe} --force" in err


CONDITIONAL = """
title = "A rate after a click"
datasets = ["orders"]
backbones = ["shared-mlp"]
methods = ["plain", "pwiser"]
seeds = 1
data.fields = ["user", "item", "brand", "age"]
data.tasks = ["click", "conversion"]
data.conditional.cvr = ["conversion", "click"]
data.minimum_history = 0
training.epochs = 2
training.learning_rate = 0.01
training.watch = "mean.auc"

[[views]]
kind = "levels"
metric = "auc"
by = "overall"
task = "cvr"
"""


def test_a_rate_after_a_click_is_measured_on_the_clicked_rows_and_reported(ctrbench, place, tmp_path, orders):
    recipe = tmp_path / "rate.toml"
    recipe.write_text(CONDITIONAL)
    status, _, err = ctrbench("run", recipe, "--jobs", 1)
    assert status == 0, err
    store = Store.of(place)
    click, conversion = (orders.rows[label].numpy() for label in ("click", "conversion"))
    means = {}
    for entry in store.all_entries():
        record, facts = entry.record, entry.facts
        assert {task: own.definition for task, own in record.tasks.items()} == {
            "click": "click",
            "conversion": "conversion",
            "cvr": "conversion given click",
        }
        predictions = store.work.read_predictions(record.identity).to_pydict()
        row, p_click, p_conversion = (np.array(predictions[name]) for name in ("row", "click", "conversion"))
        clicked = click[row] == 1
        auc = roc_auc_score(conversion[row][clicked], np.minimum(p_conversion / p_click, 1)[clicked])
        means[record.method] = record.overall("auc", "cvr")
        assert means[record.method] == pytest.approx(auc, abs=1e-6)
        (overall,) = record.groups(facts, "cvr", "overall")
        assert (overall.rows, overall.positives) == (clicked.sum(), conversion[row].sum())
        assert record.overall("auc", "conversion") != means[record.method]
        assert record.weights > 0
    assert set(means) == {"plain", "pwiser"}
    status, out, err = ctrbench("report", recipe, "--format", "csv")
    assert status == 0, err
    shown = [row for row in csv.DictReader(io.StringIO(out)) if row["task"] == "cvr" and row["metric"] == "auc"]
    assert {row["method"]: float(row["mean"]) for row in shown if row["seeds"] == "1"} == pytest.approx(means)
    assert {row["method"] for row in shown} > {"item popularity", "clicked before"}
    assert "trained weights of the model that predicts" in ctrbench("report", recipe, "--full")[1].replace("\n", " ")
