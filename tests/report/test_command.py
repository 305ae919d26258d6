"""``ctrbench report`` on records that a recipe's runs left."""

import os
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from ctrbench.cli import app
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.cell import CATALOGUE, Cell
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.recipe import read_recipe
from ctrbench.experiments.resolve import resolve
from ctrbench.experiments.selection import Asked
from tests.report.conftest import BEAUTY, reference_records, run_record

RECIPE = """
title = "Methods on DIN"
published = "aqcl_table2"
datasets = ["amazon-beauty"]
backbones = ["din"]
methods = ["plain", "icl", "aqcl"]
seeds = 5
"""


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    """A recipe whose runs are finished but for one; its results and its (empty) data in ``tmp_path``."""
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("CTRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE, "utf-8")
    ledger = Ledger(tmp_path / "results")
    rows = [(method, seed) for method in BEAUTY for seed in range(5)]
    for method, seed in rows[:-1]:
        cell = Cell(dataset="amazon-beauty", backbone="din", method=method)
        config = resolve(read_recipe(path), cell, seed, {}, CATALOGUE)
        record = run_record(BEAUTY[method][seed])
        identity = config.identity(record.fingerprint)
        ledger.write(
            record.model_copy(update={"config": config, "identity": identity}), pa.table({"probability": [0.5]})
        )
    ledger.write_references(reference_records())
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["report", *map(str, arguments)])


def test_table_from_records_alone(recipe):
    result = run(recipe)
    assert result.exit_code == 0
    assert "1 of 15 runs missing: amazon-beauty din aqcl seed 4" in result.output
    assert "item popularity" in result.output


def test_a_saved_report_by_another_column_has_files_of_its_own(recipe, tmp_path):
    run(recipe, "--save")
    whole = (tmp_path / "results" / "reports" / "mine.csv").read_text()
    run(recipe, "--by", "brand size", "--save")
    assert (tmp_path / "results" / "reports" / "mine.csv").read_text() == whole
    assert ",large,auc," in (tmp_path / "results" / "reports" / "mine-by-brand-size.csv").read_text()


def test_output_keeps_a_link_and_writes_into_what_is_no_file(recipe, tmp_path):
    (tmp_path / "link.csv").symlink_to(tmp_path / "target.csv")
    run(recipe, "--format", "csv", "--output", tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "target.csv").read_text() == run(recipe, "--format", "csv").output
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor() as pool:
        read = pool.submit((tmp_path / "pipe").read_text)
        run(recipe, "--format", "csv", "--output", tmp_path / "pipe")
    assert read.result() == run(recipe, "--format", "csv").output
    assert (tmp_path / "pipe").is_fifo()


def test_by_cohort(recipe):
    result = run(recipe, "--by", "brand size", "--format", "csv")
    assert ",din,aqcl,,large,auc,4," in result.output


def test_last_run_without_a_name(recipe, tmp_path):
    assert "nothing was run here yet" in str(run().exception)
    Asked(name=str(recipe)).keep(tmp_path / "results" / "last.toml")
    assert run("--format", "csv").output == run(recipe, "--format", "csv").output


@pytest.mark.parametrize("name", ["terminal", "markdown", "latex", "csv", "json"])
def test_output_is_what_would_be_printed(recipe, tmp_path, name):
    file = tmp_path / "new folder" / "report"
    printed = run(recipe, "--format", name).output
    assert run(recipe, "--format", name, "--output", file).output == ""
    written = [line.rstrip() for line in file.read_text("utf-8").splitlines()]
    assert written == [line.rstrip() for line in printed.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "markdwon"], "unknown format 'markdwon'; did you mean markdown?"),
        (["--by", "activness"], "unknown column 'activness'; did you mean activeness?"),
    ],
)
def test_misspelt_names(recipe, arguments, message):
    error = run(recipe, *arguments).exception
    assert isinstance(error, CtrbenchError)
    assert str(error) == message
