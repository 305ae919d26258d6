"""Commands on a collection, and on a figure that trains nothing."""

import itertools

import pytest
from ctrbench.experiments.cell import CATALOGUE, Cell
from ctrbench.experiments.collection import recipes_of
from ctrbench.experiments.recipe import read_recipe
from ctrbench.experiments.resolve import basis

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
    assert "it is 2 reports, and --output takes one; pass --save" in err


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


SEARCH = '[search]\ntrials = 2\n[search.space]\n"training.penalty" = {choices = [1e-3, 1e-2]}\n'


@pytest.fixture
def searched(place):
    """A collection: two recipes that share a search, one that adds a method, two that have nothing to search."""
    (place / "first.toml").write_text(ROW + f'methods = ["plain"]\n{SEARCH}')
    like = f'like = "{place / "first.toml"}"\n'
    (place / "strong.toml").write_text(like + '[variants.strong]\n"training.learning_rate" = 0.1\n')
    (place / "wider.toml").write_text(like + 'methods = ["plain", "icl"]\n')
    (place / "formula.toml").write_text(like + 'figure = "alpha-family"\n')
    (place / "fixed.toml").write_text(ROW + 'methods = ["plain"]\n')
    path = place / "all.toml"
    names = ", ".join(f'"{name}.toml"' for name in ("fixed", "first", "formula", "strong", "wider"))
    path.write_text(f'title = "All"\nrecipes = [{names}]\n')
    return path


def test_a_collection_is_searched_in_turn_and_what_recipes_share_once(ctrbench, place, searched):
    status, out, err = ctrbench("search", searched, "--jobs", 1)
    assert status == 0, err
    found = place / "results" / "found"
    plain, first, strong, icl, again, wider = out.splitlines()
    assert plain.startswith("toy din plain: training.penalty = ")
    assert first == f"written to {found / 'first.toml'}; next: ctrbench run {place / 'first.toml'}"
    assert strong == (
        f"strong: nothing is left to search, all of its settings are found; next: ctrbench run {place / 'strong.toml'}"
    )
    assert (icl.partition(":")[0], again) == ("toy din icl", plain)
    assert wider == f"written to {found / 'wider.toml'}; next: ctrbench run {place / 'wider.toml'}"
    assert [line for line in err.splitlines() if not line[:1].isdigit()] == ["first: One", "strong: One", "wider: One"]
    assert 'method = "plain"' not in (found / "wider.toml").read_text()
    assert len([line for line in fakes.log(place / "data") if line.endswith("measured")]) == 4


def test_a_second_search_finds_nothing_left_and_a_recipe_runs_with_what_another_found(ctrbench, place, searched):
    ctrbench("search", searched, "--jobs", 1)
    assert sorted(path.name for path in (place / "results" / "found").iterdir()) == ["first.toml", "wider.toml"]
    lines = ctrbench("search", searched, "--jobs", 1)[1].splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        f"{name}: nothing is left to search" for name in ("first", "strong", "wider")
    ]
    status, _, err = ctrbench("run", place / "strong.toml", "--jobs", 1)
    assert status == 0, err


def test_a_collection_with_nothing_to_search(ctrbench, place, searched):
    searched.write_text('title = "All"\nrecipes = ["fixed.toml", "formula.toml"]\n')
    reason = "nothing to search, no [search] of settings for runs"
    message = f"error: {searched}: {reason}; run: ctrbench run {searched}\n"
    assert ctrbench("search", searched, "--jobs", 1) == (1, "", message)


def test_no_row_of_the_shipped_recipes_is_searched_under_two_names():
    table = read_recipe("aqcl-table2")
    alike = [each for each in map(read_recipe, recipes_of("all-aqcl")) if each.search == table.search]
    assert {"aqcl-table2-strong", "aqcl-table3", "aqcl-figure6", "aqcl-figure7a"} <= {each.name for each in alike}
    for recipe in alike:
        for dataset, method in itertools.product(recipe.datasets, recipe.methods):
            cell = Cell(dataset, "din", method)
            assert basis(recipe, cell, CATALOGUE) == basis(table, cell, CATALOGUE), recipe.name


def test_a_recipe_that_options_changed_does_not_draw_over_the_figure_on_file(ctrbench, place):
    (place / "mine.toml").write_text(ROW + 'methods = ["plain", "aqcl"]\nfigure = "variants"\n[variants.a]\n')
    figure = place / "results" / "figures" / "mine.csv"
    status, out, err = ctrbench("run", place / "mine.toml", "--jobs", 1, "--seeds", 2)
    assert (status, figure.exists()) == (0, False)
    assert "no figure is drawn: mine is that of the recipe as filed under this name" in err.splitlines()
    assert "written to" not in out
    status, out, err = ctrbench("run", place / "mine.toml", "--jobs", 1)
    assert (status, figure.exists()) == (0, True)
    assert "no figure" not in err
    kept = figure.read_text()
    ctrbench("run", place / "mine.toml", "--jobs", 1, "--seeds", 2)
    ctrbench("report")
    status, _, err = ctrbench("report", "--save")
    message = "error: mine: its report is that of the recipe as filed under this name; pass --output, not --save"
    assert (status, err.splitlines()[-1]) == (1, message)
    assert figure.read_text() == kept
    ctrbench("run", place / "mine.toml", "--jobs", 1)
    figure.unlink()
    assert ctrbench("report")[0] == 0
    assert figure.exists()
