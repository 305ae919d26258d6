"""Commands on a collection, and on a figure that trains nothing."""

import itertools

import pytest

from ctrbench.planning.registries import REGISTRIES
from ctrbench.planning.search_basis import basis
from ctrbench.recipe.collection import recipes_of
from ctrbench.recipe.read import read_recipe
from ctrbench.recipe.row_key import RowKey
from tests.fakes import work as fakes

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
        "1 jobs: 0 done, 1 left",
        "  left: toy din plain seed 0",
        "two: One",
        "2 jobs: 0 done, 2 left",
        "  left: toy din plain seed 0",
        "  left: toy din aqcl seed 0",
    ]
    status, out, err = ctrbench("run", collection, "--jobs", 1)
    assert status == 0, err
    assert "2 jobs: 1 done, 1 left" in err.splitlines()
    assert ctrbench("report", collection)[:2] == (0, out)


def test_one_output_does_not_take_two_reports(ctrbench, place, collection):
    status, _, err = ctrbench("report", collection, "--output", place / "file")
    assert (status, err.count("\n")) == (1, 1)
    assert "this is 2 reports, but --output takes one; pass --save" in err


def test_collections_are_listed_and_shown(ctrbench, place):
    lines = dict(line.split("\t") for line in ctrbench("list", "recipes")[1].splitlines())
    assert lines["aqcl-figure7"].endswith("(collection of 3)")
    assert 'recipes = ["aqcl-figure7a"' in ctrbench("show", "aqcl-figure7")[1]


def test_prepare_prepares_each_dataset_of_its_recipes_once(monkeypatch):
    from ctrbench.cli.prepare import _chosen

    names = [card.name for card, _ in _chosen("aqcl-figure7", None, None)]
    assert names == ["amazon-beauty", "ta-feng", "oncold-sim@scale=0.01"]


@pytest.mark.parametrize(("kind", "measured"), [("counts", 1), ("activeness", 1), ("alpha-family", 0)])
def test_a_recipe_that_needs_no_job_trains_nothing(ctrbench, place, kind, measured):
    recipe = place / "mine.toml"
    recipe.write_text(ROW + f'methods = ["plain"]\n[[views]]\nkind = "{kind}"\n')
    status, out, err = ctrbench("run", recipe, "--jobs", 1)
    assert (status, err.splitlines()[0]) == (0, "0 jobs: nothing is trained for this")
    assert fakes.log(place / "data") == ["references toy"] * measured
    assert ctrbench("report", recipe)[:2] == (0, out)
    message = f"error: {recipe}: the recipe has no jobs to measure again; to measure its data: ctrbench run {recipe}\n"
    assert ctrbench("measure", recipe) == (1, "", message)


SEARCH = '[search]\ntrials = 2\nseeds = 1\n[search.space]\n"training.penalty" = {choices = [1e-3, 1e-2]}\n'


@pytest.fixture
def searched(place):
    """A collection: two recipes that share a search, one that adds a method, two that have nothing to search."""
    (place / "first.toml").write_text(ROW + f'methods = ["plain"]\n{SEARCH}')
    extends = f'extends = "{place / "first.toml"}"\n'
    (place / "strong.toml").write_text(extends + '[variants.strong]\n"training.learning_rate" = 0.1\n')
    (place / "wider.toml").write_text(extends + 'methods = ["plain", "icl"]\n')
    (place / "formula.toml").write_text(extends + '[[views]]\nkind = "alpha-family"\n')
    (place / "fixed.toml").write_text(ROW + 'methods = ["plain"]\n')
    path = place / "all.toml"
    names = ", ".join(f'"{name}.toml"' for name in ("fixed", "first", "formula", "strong", "wider"))
    path.write_text(f'title = "All"\nrecipes = [{names}]\n')
    return path


def test_a_collection_is_searched_in_turn_and_what_recipes_share_once(ctrbench, place, searched):
    status, out, err = ctrbench("search", searched, "--jobs", 1)
    assert status == 0, err
    best = place / "results" / "best_settings"
    plain, first, strong, icl, again, wider = out.splitlines()
    assert plain.startswith("toy din plain: training.penalty = ")
    assert first == f"written to {best / 'first.toml'}; next: ctrbench run {place / 'first.toml'}"
    assert strong == (
        "strong: nothing is left to search, every row has its best settings; "
        f"next: ctrbench run {place / 'strong.toml'}"
    )
    assert (icl.partition(":")[0], again) == ("toy din icl", plain)
    assert wider == f"written to {best / 'wider.toml'}; next: ctrbench run {place / 'wider.toml'}"
    assert [line for line in err.splitlines() if not line[:1].isdigit()] == ["first: One", "strong: One", "wider: One"]
    assert 'method = "plain"' not in (best / "wider.toml").read_text()
    assert len([line for line in fakes.log(place / "data") if line.endswith("measured")]) == 4


def test_a_second_search_has_nothing_left_and_a_recipe_runs_with_what_another_found(ctrbench, place, searched):
    ctrbench("search", searched, "--jobs", 1)
    names = sorted(path.name for path in (place / "results" / "best_settings").iterdir())
    assert names == ["first.toml", "wider.toml"]
    lines = ctrbench("search", searched, "--jobs", 1)[1].splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        f"{name}: nothing is left to search" for name in ("first", "strong", "wider")
    ]
    status, _, err = ctrbench("run", place / "strong.toml", "--jobs", 1)
    assert status == 0, err


def test_a_collection_with_nothing_to_search(ctrbench, place, searched):
    searched.write_text('title = "All"\nrecipes = ["fixed.toml", "formula.toml"]\n')
    reason = "nothing to search: no recipe with jobs has a [search]"
    message = f"error: {searched}: {reason}; run: ctrbench run {searched}\n"
    assert ctrbench("search", searched, "--jobs", 1) == (1, "", message)


def test_no_row_of_the_shipped_recipes_is_searched_under_two_names():
    defaults = REGISTRIES.defaults()
    table = read_recipe("aqcl-table2")
    alike = [each for each in map(read_recipe, recipes_of("all-aqcl")) if each.search == table.search]
    assert {"aqcl-table2-strong", "aqcl-table3", "aqcl-figure6", "aqcl-figure7a"} <= {each.name for each in alike}
    for recipe in alike:
        for dataset, method in itertools.product(recipe.datasets, recipe.methods):
            row = RowKey(dataset, "din", method)
            assert basis(recipe, row, defaults) == basis(table, row, defaults), recipe.name


def test_a_modified_recipe_does_not_overwrite_the_original_s_files(ctrbench, place):
    recipe = place / "mine.toml"
    recipe.write_text(ROW + 'methods = ["plain", "aqcl"]\n[variants.a]\n[[views]]\nkind = "variants"\nmetric = "auc"\n')
    assert ctrbench("run", recipe, "--jobs", 1)[0] == 0
    assert ctrbench("report", recipe, "--save")[0] == 0
    saved = {path: path.read_bytes() for path in (place / "results").rglob("mine*") if path.is_file()}
    assert {path.suffix for path in saved} >= {".md", ".csv", ".png"}
    ctrbench("run", recipe, "--jobs", 1, "--seeds", 2)
    assert ctrbench("report")[0] == 0
    status, _, err = ctrbench("report", "--save")
    message = "error: mine: a modified recipe never overwrites the original's files; pass --output, not --save"
    assert (status, err.splitlines()[-1]) == (1, message)
    assert {path: path.read_bytes() for path in saved} == saved
