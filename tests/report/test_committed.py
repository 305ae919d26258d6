"""The committed reports and figures are what the committed archive says, without the data; each is made once."""

import csv
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from ctrbench.recipe.read import read_recipe, recipe_names
from ctrbench.report.build import find_report
from ctrbench.report.render import csv as csv_format
from ctrbench.report.render import markdown
from ctrbench.report.select import select_rows
from ctrbench.training.settings import TrainingSettings

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
DEFAULT = TrainingSettings().patience
REPORTS = sorted(path.stem for path in (RESULTS / "reports").glob("*.md"))
SLOW = "aqcl-figure6"
"""Its clusters of 2,000 rows take ten seconds, its t-SNE a minute."""


@pytest.mark.parametrize("name", [name for name in REPORTS if name != SLOW])
def test_a_report_is_what_the_archive_says(tmp_path, name):
    report = find_report(read_recipe(name), RESULTS, tmp_path)
    assert markdown.page(report) == (RESULTS / "reports" / f"{name}.md").read_text("utf-8")
    assert csv_format.page(report) == (RESULTS / "reports" / f"{name}.csv").read_text("utf-8")
    for view in report.drawn:
        assert csv_format.frame(view.frame) == (RESULTS / "figures" / f"{name}.csv").read_text("utf-8")


def test_the_slow_figure_agrees_with_its_report():
    def lines(folder):
        with (RESULTS / folder / f"{SLOW}.csv").open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    figure = lines("figures")
    for row in lines("reports"):
        own = [line for line in figure if line["method"] == row["method"]]
        assert len(own) == int(row.pop("rows"))
        assert all(line[key] == value for line in own for key, value in row.items())


def test_the_text_has_the_numbers_of_the_slow_figure():
    text = (RESULTS / "README.md").read_text("utf-8")
    section = text[text.index("[Figure 6]") : text.index("[Gain by click length]")]
    with (RESULTS / "reports" / f"{SLOW}.csv").open(encoding="utf-8") as file:
        values = {f"{float(value):+.3f}" for row in csv.DictReader(file) for value in list(row.values())[3:7]}
    told = re.findall(r"[-+]0\.\d{3}", section)
    assert len(told) == 6
    assert set(told) <= values


def kept_with_either_patience(recipe, data, method=None):
    """Dataset -> runs that keep the same epoch with either patience, and all runs, by the recipe's records."""
    epochs = {}
    for row in select_rows(read_recipe(recipe), RESULTS, data).rows:
        if method in (None, row.key.method):
            settings = {key: value for key, value in row.record.settings["training"].items() if key != "patience"}
            job = row.key.dataset, row.key.method, row.record.seed, str(row.record.settings | {"training": settings})
            patience = row.record.settings["training"].get("patience", DEFAULT)
            epochs.setdefault(job, {})[patience] = row.record.best_epoch
    assert all(set(own) == {1, 3} for own in epochs.values())
    runs = Counter(job[0] for job in epochs)
    same = Counter(job[0] for job, own in epochs.items() if own[1] == own[3])
    return {dataset: (same[dataset], count) for dataset, count in runs.items()}


def test_the_text_counts_the_runs_that_patience_changes(tmp_path):
    text = " ".join((RESULTS / "README.md").read_text("utf-8").split())
    oncold = "oncold-sim@scale=0.01"
    wanted = {"amazon-beauty": (28, 30), "ta-feng": (30, 30), oncold: (26, 30)}
    assert kept_with_either_patience("aqcl-table2-patience", tmp_path) == wanted
    assert "28 of table 2's 30 runs on Beauty, all 30 on Ta Feng and 26 of 30 on the simulated Oncold" in text
    for method in ("aqcl", "icl"):
        assert kept_with_either_patience("aqcl-table2-patience", tmp_path, method)[oncold] == (3, 5)
    assert kept_with_either_patience("aqcl-table2-patience", tmp_path, "dropoutnet")["amazon-beauty"] == (3, 5)
    assert kept_with_either_patience("aqcl-figure7c-patience", tmp_path, "aqcl") == {oncold: (11, 15)}
    assert "which moves four of the fifteen runs" in text


def test_every_recipe_with_records_has_its_report():
    without = {"quickstart"}
    assert set(REPORTS) <= set(recipe_names())
    assert [name for name in recipe_names() if name.startswith("aqcl") and name not in {*REPORTS, *without}] == []


def test_neither_tex_nor_svg_is_committed():
    tracked = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    assert [path for path in tracked.splitlines() if path.endswith((".tex", ".svg"))] == []
