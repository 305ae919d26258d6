"""Files and words of a figure, whichever it is."""

import contextlib
import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ctrbench.cli import app
from ctrbench.errors import CtrbenchError
from ctrbench.report.figures import FIGURES
from ctrbench.report.figures.base import Figure
from ctrbench.report.figures.picture import find_picture, render, save

TEXTS = {
    "adaptive-alpha": '\n[variants."0.3"]\n"datasets.amazon-beauty.method.constant_alpha" = 0.3\n[variants.adaptive]\n',
    "representations": "\nrepresentations = 60\n",
    "variants": '\n[variants."8"]\n"method.projection_size" = 8\n[variants."64"]\n"method.projection_size" = 64\n',
}

COUNTS = '\npublished = "aqcl_table1"\n[not_comparable]\nta-feng = "by hand"\n'

DRAWN = [name for name in FIGURES.names() if issubclass(FIGURES.get(name), Figure)]


@pytest.fixture
def report(tmp_path, monkeypatch):
    monkeypatch.setenv("CTRBENCH_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("CTRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, ["report", *map(str, arguments)])


@pytest.mark.parametrize("figure", DRAWN)
def test_every_figure_is_drawn_twice_with_equal_bytes(picture, tmp_path, figure):
    found = picture(figure, TEXTS.get(figure, ""))
    again = find_picture(picture_recipe(tmp_path), tmp_path / "results", tmp_path / "data")
    first, second = render(found), render(again)
    assert list(first) == ["png", "svg", "csv"]
    assert first == second
    assert first["png"][:4] == b"\x89PNG"
    assert b"<dc:date>" not in first["svg"]
    assert b"nan" not in first["csv"]


def picture_recipe(tmp_path):
    from ctrbench.experiments.recipe import read_recipe

    return read_recipe(tmp_path / "mine.toml")


@pytest.mark.parametrize("figure", [name for name in DRAWN if FIGURES.get(name).needs == "runs"])
@pytest.mark.parametrize(
    "lost",
    [
        lambda cell, seed: cell.method != "plain",
        lambda cell, seed: cell.method == "plain",
        lambda cell, seed: seed == 0,
        lambda cell, seed: cell.variant in ("adaptive", "8"),
        lambda cell, seed: cell.dataset == "amazon-beauty",
    ],
    ids=["methods", "base", "first seed", "variant", "dataset"],
)
def test_of_part_of_its_runs_a_figure_is_drawn_or_says_in_a_line_why_not(picture, figure, lost):
    with contextlib.suppress(CtrbenchError):
        assert all(render(picture(figure, TEXTS.get(figure, ""), missing=lost)).values())


@pytest.mark.parametrize("figure", DRAWN)
def test_every_figure_is_drawn_of_a_single_seed_and_dataset(picture, figure):
    text = TEXTS.get(figure, "")
    found = picture(figure, text, missing=lambda cell, seed: seed or cell.dataset == "ta-feng")
    assert all(render(found).values())
    if found.figure.needs == "runs":
        assert found.incomplete
        assert "runs missing: " in found.incomplete


@pytest.mark.parametrize("figure", [name for name in FIGURES.names() if FIGURES.get(name).needs == "runs"])
def test_without_a_finished_run_it_is_one_line(picture, figure):
    message = "mine: none of its runs is there; start with ctrbench run mine"
    with pytest.raises(CtrbenchError, match=message):
        picture(figure, TEXTS.get(figure, ""), missing=lambda cell, seed: True)


def test_unknown_figure(make, report, tmp_path):
    make("codebok-use")
    error = report(tmp_path / "mine.toml").exception
    assert isinstance(error, CtrbenchError)
    assert str(error) == "unknown figure 'codebok-use'; did you mean codebook-use?"


def test_references_that_were_not_measured(make, tmp_path):
    recipe = make("activeness")
    for path in (tmp_path / "results" / "references").iterdir():
        path.unlink()
    with pytest.raises(CtrbenchError, match="mine: none of its references is there; start with ctrbench run mine"):
        find_picture(recipe, tmp_path / "results", tmp_path / "data")


def test_a_dataset_without_references_is_named(make, tmp_path):
    recipe = make("activeness")
    next((tmp_path / "results" / "references").glob("ta-feng-*")).unlink()
    found = find_picture(recipe, tmp_path / "results", tmp_path / "data")
    assert found.incomplete == "1 of 2 references missing: ta-feng"


def test_a_report_draws_and_says_where(make, report, tmp_path):
    make("gain-by-click-length")
    result = report(tmp_path / "mine.toml")
    assert result.exit_code == 0, result.exception
    figures = tmp_path / "results" / "figures"
    assert sorted(path.name for path in figures.iterdir()) == ["mine.csv", "mine.png", "mine.svg"]
    words = " ".join(result.output.split())
    assert "amazon-beauty: Amazon Beauty, 5-core, 3 seeds" in words
    assert f"written to {figures / 'mine.png'}" in result.output.replace("\n", "")
    assert "[-0.009683, 0.08968]" in result.output
    assert not (tmp_path / "results" / "reports").exists()


def test_a_figure_that_lacks_runs_is_drawn_only_where_it_is_asked_for(make, report, tmp_path):
    make("gain-by-click-length")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(
        "seeds = 9\n" + "\n".join(line for line in recipe.read_text().splitlines() if "seeds" not in line)
    )
    assert "runs missing" in report(recipe).output
    assert not (tmp_path / "results" / "figures").exists()
    report(recipe, "--save")
    assert (tmp_path / "results" / "figures" / "mine.png").exists()


def test_another_format_alone_leaves_the_files_as_they_are(make, report, tmp_path):
    make("codebook-use")
    rows = json.loads(report(tmp_path / "mine.toml", "--format", "json").output)["rows"]
    assert rows[0]["mean"] == pytest.approx(0.61)
    assert not (tmp_path / "results" / "figures").exists()


def test_save_writes_the_report_in_three_formats(make, report, tmp_path):
    make("variants", TEXTS["variants"], missing=lambda cell, seed: seed == 2 and cell.method == "aqcl")
    report(tmp_path / "mine.toml", "--save")
    reports = tmp_path / "results" / "reports"
    assert sorted(path.name for path in reports.iterdir()) == ["mine.csv", "mine.md", "mine.tex"]
    page = (reports / "mine.md").read_text()
    assert "![AQCL on two datasets](../figures/mine.png)" in page
    assert "> **4 of 18 runs missing: " in page
    assert (reports / "mine.csv").read_text() == report(tmp_path / "mine.toml", "--format", "csv").output
    assert "\\includegraphics" in (reports / "mine.tex").read_text()


def test_a_table_is_saved_too(make, report, tmp_path):
    make("variants")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(recipe.read_text().replace('figure = "variants"', ""))
    result = report(recipe, "--save")
    assert result.exit_code == 0, result.exception
    for ending, form in (("md", "markdown"), ("csv", "csv"), ("tex", "latex")):
        saved = (tmp_path / "results" / "reports" / f"mine.{ending}").read_text()
        assert saved == report(recipe, "--format", form).output
    assert not (tmp_path / "results" / "figures").exists()


@pytest.mark.parametrize("form", ["terminal", "markdown", "latex", "csv", "json"])
def test_what_is_not_drawn_is_a_table_in_every_format(make, report, tmp_path, form):
    make("counts", COUNTS)
    result = report(tmp_path / "mine.toml", "--format", form, "--save")
    assert result.exit_code == 0, result.exception
    assert "not comparable" in result.output
    assert not any(word in result.output for word in ("figure}", "graphic", "!["))
    assert sorted(path.name for path in (tmp_path / "results" / "reports").iterdir()) == [
        "mine.csv",
        "mine.md",
        "mine.tex",
    ]
    assert not (tmp_path / "results" / "figures").exists()


def test_a_folder_that_cannot_be_written(picture, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CtrbenchError, match=r"mine\.png: cannot be written .*; pass another --results"):
        save(picture("alpha-family"), tmp_path / "file")


def test_a_table_does_not_import_what_draws(make, tmp_path):
    make("variants")
    recipe = tmp_path / "mine.toml"
    recipe.write_text(recipe.read_text().replace('figure = "variants"', ""))
    arguments = ["report", str(recipe), "--results", str(tmp_path / "results"), "--data", str(tmp_path / "data")]
    code = (
        "import sys; from ctrbench.cli import app; "
        f"app({arguments!r}, standalone_mode=False); "
        "assert not {'matplotlib', 'sklearn'}.intersection(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
