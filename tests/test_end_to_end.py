"""The command as a user runs it, with real training: kill -9 and go on, two jobs, a run that diverges, changed data."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ctrbench.methods import METHODS
from ctrbench.testing.data import make_dataset

RUN = (
    "run --dataset small --method icl,aqcl --backbone din --seeds 2 --set training.batch_size=128 "
    "--set training.epochs=4 --set training.patience=4 --set data.minimum_history=0"
).split()


@pytest.fixture
def environment(data_folder, tmp_path):
    return os.environ | {"CTRBENCH_DATA": str(data_folder), "CTRBENCH_RESULTS": str(tmp_path / "results")}


def start(environment, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "ctrbench", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process, status=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, err
    return out, err


def results_of(folder: Path):
    """Identity -> metrics and predictions of every finished run."""
    found = {}
    for path in folder.glob("runs/*/record.json"):
        record = json.loads(path.read_text())
        predictions = pq.read_table(path.with_name("predictions.parquet")).to_pydict()
        found[record["identity"]] = record["metrics"], predictions, [e["loss"] for e in record["epochs"]]
    return found


def test_killed_and_resumed_with_other_jobs_ends_with_the_same_bits(environment, tmp_path):
    killed = start(environment, *RUN, "--jobs", 2)
    working = tmp_path / "results" / "working"
    deadline = time.monotonic() + 120
    while not list(working.glob("*/checkpoint.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert list(working.glob("*/checkpoint.safetensors")), "the kill came too late to leave a run half done"
    finish(start(environment, *RUN, "--jobs", 2))
    undisturbed = environment | {"CTRBENCH_RESULTS": str(tmp_path / "undisturbed")}
    finish(start(undisturbed, *RUN, "--jobs", 1))
    ours, theirs = results_of(tmp_path / "results"), results_of(tmp_path / "undisturbed")
    assert len(theirs) == 6
    assert ours == theirs
    assert not list(working.glob("*/checkpoint.safetensors"))


def test_a_run_that_diverges_is_marked_and_the_others_go_on(environment, tmp_path):
    arguments = "run --dataset small --method icl --backbone din --seeds 1 --jobs 1 --set training.epochs=1".split()
    out, err = finish(start(environment, *arguments, "--set", "methods.icl.tau=1e-45"), 1)
    assert "1 of 2 runs failed; small din icl seed 0: the loss of epoch 1 is" in err.splitlines()[-1]
    assert "Traceback" not in err
    (failure,) = (tmp_path / "results" / "failed").glob("*.json")
    assert json.loads(failure.read_text())["config"]["method"] == "icl"
    assert "1 of 2 runs missing" in out


def test_runs_of_changed_data_are_not_reused(environment, tmp_path):
    data = tmp_path / "data"
    make_dataset(data, "small")
    own = environment | {"CTRBENCH_DATA": str(data)}
    arguments = "run --dataset small --method plain --seeds 1 --jobs 1 --set training.epochs=1".split()
    finish(start(own, *arguments))
    _, err = finish(start(own, *arguments))
    assert "1 runs: 1 done, 0 left" in err
    manifest = json.loads((data / "small" / "manifest.json").read_text())
    rows = data / "small" / "rows.parquet"
    rows.write_bytes(rows.read_bytes()[:-1] + b"x")
    _, err = finish(start(own, *arguments, "--force"), 1)
    assert "rows.parquet: changed" in err
    source = data / "small.csv"
    lines = source.read_text().splitlines()
    source.write_text("\n".join(lines[:-20]) + "\n")
    from ctrbench.prepare.stage import prepare
    from ctrbench.testing.data import card

    assert prepare(card("small"), data, source=source, force=True).manifest.fingerprint != manifest["fingerprint"]
    out, _ = finish(start(own, *arguments, "--dry-run"))
    assert "0 done, 1 left" in out


def test_the_report_of_the_last_run_as_csv(environment):
    arguments = "run --dataset small --method all --backbone deepfm --seeds 2 --jobs 2 --set training.epochs=1".split()
    finish(start(environment, *arguments))
    out, _ = finish(start(environment, "report", "--format", "csv", "--by", "age_group"))
    table = list(csv.DictReader(io.StringIO(out)))
    assert list(table[0]) == (
        "recipe,dataset,backbone,method,variant,group,metric,seeds,mean,std,ci_low,ci_high,base_delta,base_p,published,"
        "value_verdict,direction_verdict"
    ).split(",")
    methods = {row["method"] for row in table}
    assert methods == {*METHODS.names(), "item popularity", "random"}
    assert {row["group"] for row in table} == {"overall", "0", "1", "2", "3", "4"}
