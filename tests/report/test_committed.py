"""The committed reports and figures are what the committed archive says, without the data; each is made once."""

import subprocess
from pathlib import Path

import pytest
from matplotlib.image import imread

from ctrbench.planning.search_basis import UnsearchedError
from ctrbench.recipe.read import read_recipe, recipe_names
from ctrbench.report.build import find_report
from ctrbench.report.render import csv as csv_format
from ctrbench.report.render import markdown
from ctrbench.report.select import select_rows

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
REPORTS = sorted(path.stem for path in (RESULTS / "reports").glob("*.md"))


@pytest.fixture
def archive(tmp_path):
    """The committed results, without what a user's own runs left in ``work``."""
    made = tmp_path / "results"
    made.mkdir()
    for name in ("records", "best_settings"):
        (made / name).symlink_to(RESULTS / name)
    return made


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_what_the_archive_says(archive, tmp_path, name):
    report = find_report(read_recipe(name), archive, tmp_path)
    assert markdown.page(report) == (RESULTS / "reports" / f"{name}.md").read_text("utf-8")
    assert csv_format.page(report) == (RESULTS / "reports" / f"{name}.csv").read_text("utf-8")
    for view in report.drawn:
        picture = RESULTS / "figures" / f"{report.picture_name(view)}.csv"
        assert csv_format.frame(view.frame) == picture.read_text("utf-8")


@pytest.mark.parametrize("path", sorted((RESULTS / "figures").glob("*.png")), ids=lambda path: path.stem)
def test_nothing_of_a_figure_lies_beyond_its_edges(path):
    pixels = imread(path)
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == 1).all()


def test_every_recipe_whose_runs_are_all_archived_has_its_report(archive, tmp_path):
    assert set(REPORTS) <= set(recipe_names())
    lacking = []
    for name in recipe_names():
        try:
            data = select_rows(read_recipe(name), archive, tmp_path)
        except UnsearchedError:
            continue
        if data.rows and not data.missing and name not in REPORTS:
            lacking.append(name)
    assert lacking == []


def test_neither_tex_nor_svg_is_committed():
    tracked = subprocess.run(
        ["git", "ls-files", "results"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    assert [path for path in tracked.splitlines() if path.endswith((".tex", ".svg"))] == []
