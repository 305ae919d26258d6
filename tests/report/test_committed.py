"""The committed reports and figures are what the committed archive says, without the data; each is made once."""

import csv
import subprocess
from pathlib import Path

import pytest

from ctrbench.recipe.read import read_recipe, recipe_names
from ctrbench.report.build import find_report
from ctrbench.report.render import csv as csv_format
from ctrbench.report.render import markdown

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
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


def test_every_recipe_with_records_has_its_report():
    without = {"quickstart"}
    assert set(REPORTS) <= set(recipe_names())
    assert [name for name in recipe_names() if name.startswith("aqcl") and name not in {*REPORTS, *without}] == []


def test_neither_tex_nor_svg_is_committed():
    tracked = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    assert [path for path in tracked.splitlines() if path.endswith((".tex", ".svg"))] == []
