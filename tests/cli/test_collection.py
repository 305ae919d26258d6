"""Commands on a collection, and on a figure that trains nothing."""

import pytest

from tests.experiments import fakes

ROW = 'title = "One"\ndatasets = ["toy"]\nbackbones = ["din"]\nseeds = 1\ntraining.epochs = 2\n'


@pytest.fixture
def collection(place):
    (place / "one.toml").write_text(ROW + 'methods = ["plain"]\n')
    (place / "two.toml").write_text(ROW + 'methods = ["plain", "aqcl"]\n')
    path = place / "both.toml"
    path.write_text('title = "Both"\nrecipes = ["one.toml", "two.toml"]\n')
    return path


def test_run_and_report_take_its_recipes_in_turn(ctrbench, place, collection):
    status, out, _ = ctrbench("run", collection, "--jobs", 1, "--dry-run")
    assert status == 0
    assert out.splitlines() == [
        "one: One",
        "1 runs: 0 done, 1 left",
        "  left: toy din plain seed 0",
        "two: One",
        "2 runs: 0 done, 2 left",
        "  left: toy din plain seed 0",
        "  left: toy din aqcl seed 0",
    ]
    status, out, err = ctrbench("run", collection, "--jobs", 1)
    assert status == 0, err
    assert "2 runs: 1 done, 1 left" in err.splitlines()
    assert ctrbench("report", collection)[:2] == (0, out)


def test_one_output_does_not_take_two_reports(ctrbench, place, collection):
    status, _, err = ctrbench("report", collection, "--output", place / "file")
    assert (status, err.count("\n")) == (1, 1)
    assert "a collection of 2 reports, and --output takes one; pass --save" in err


def test_collections_are_listed_and_shown(ctrbench, place):
    lines = ctrbench("list", "recipes")[1].splitlines()
    assert any(line.startswith("aqcl-figure7: ") and "(collection: aqcl-figure7a, " in line for line in lines)
    assert 'recipes = ["aqcl-figure7a"' in ctrbench("show", "aqcl-figure7")[1]


def test_prepare_prepares_each_dataset_of_its_recipes_once(monkeypatch):
    from ctrbench.cli.prepare import _chosen

    names = [card.name for card, _ in _chosen("aqcl-figure7", None, None)]
    assert names == ["amazon-beauty", "ta-feng", "oncold-sim@scale=0.01"]


@pytest.mark.parametrize(("figure", "measured"), [("counts", 1), ("activeness", 1), ("alpha-family", 0)])
def test_a_recipe_that_needs_no_run_trains_nothing(ctrbench, place, figure, measured):
    (place / "mine.toml").write_text(ROW + f'methods = ["plain"]\nfigure = "{figure}"\n')
    status, out, err = ctrbench("run", place / "mine.toml", "--jobs", 1)
    assert (status, err) == (0, "0 runs: nothing is trained for this\n")
    assert ("written to" in out) == (figure != "counts")
    assert fakes.log(place / "data") == ["references toy"] * measured
    assert ctrbench("report", place / "mine.toml")[:2] == (0, out)
