"""What options make of a recipe, and of a collection's."""

import shlex

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.files import read_toml
from ctrbench.recipe.query import AD_HOC, RecipeQuery, find_recipes
from ctrbench.recipe.read import read_recipe
from ctrbench.recipe.recipe import Recipe
from ctrbench.strict import parse_assignment


def names(matches):
    return {each.argument: (list(each.recipe.datasets), list(each.recipe.methods)) for each in matches}


def test_names_take_the_place_of_a_recipes_and_the_base_stays():
    (one,) = find_recipes("aqcl-table2", datasets=["mine"], methods=["icl"])
    assert (list(one.recipe.datasets), list(one.recipe.methods)) == (["mine"], ["plain", "icl"])
    assert one.recipe.training["patience"] == 30
    assert not one.is_unmodified


@pytest.mark.parametrize("change", [{"seeds": 1}, {"overrides": {"training.epochs": 1}}, {"datasets": ["ta-feng"]}])
def test_a_recipe_is_unmodified_unless_something_changed_it(change):
    assert [each.is_unmodified for each in find_recipes("aqcl-figure5")] == [True]
    assert [each.is_unmodified for each in find_recipes("aqcl-figure5", **change)] == [False]
    assert [each.is_unmodified for each in find_recipes("aqcl-figure6", datasets=["amazon-beauty"], seeds=1)] == [True]


def test_the_order_of_names_is_part_of_a_recipe():
    assert [each.is_unmodified for each in find_recipes("aqcl-figure5", datasets=["ta-feng", "amazon-beauty"])] == [
        False
    ]


@pytest.mark.parametrize(("file", "text"), [("aqcl-figure5.toml", ""), ("mine.toml", 'name = "aqcl-figure5"\n')])
def test_a_file_that_borrows_the_name_of_a_shipped_recipe_is_not_unmodified(tmp_path, file, text):
    (tmp_path / file).write_text(f'{text}extends = "aqcl-figure5"\n')
    (one,) = find_recipes(str(tmp_path / file))
    assert (one.recipe.name, one.is_unmodified) == ("aqcl-figure5", False)
    (tmp_path / "other.toml").write_text('extends = "aqcl-figure5"\n')
    assert [each.is_unmodified for each in find_recipes(str(tmp_path / "other.toml"))] == [True]


def test_names_choose_among_the_recipes_of_a_collection():
    assert names(find_recipes("aqcl-figure7", datasets=["ta-feng"])) == {
        "aqcl-figure7b": (["ta-feng"], ["plain", "aqcl"])
    }
    everything = names(find_recipes("all-aqcl", datasets=["ta-feng"]))
    assert "aqcl-figure7a" not in everything
    assert "l2-forms" not in everything
    sweep, _ = everything["protocol-sweep"]
    assert len(sweep) == 6
    assert all(name.startswith("ta-feng@") for name in sweep)
    assert everything["aqcl-table2"] == (["ta-feng"], ["plain", "dropoutnet", "deepmcp", "dmr", "icl", "aqcl"])


def test_the_recipes_of_a_collection_need_some_name_of_every_kind():
    chosen = names(find_recipes("all-aqcl", methods=["dmr"], backbones=["din"], datasets=["amazon-beauty"]))
    assert set(chosen) == {"aqcl-table2", "aqcl-table2-strong", "aqcl-forest", "aqcl-search"}
    assert set(map(str, chosen.values())) == {"(['amazon-beauty'], ['plain', 'dmr'])"}
    with pytest.raises(CtrbenchError, match=r"all-aqcl: none of its recipes has all of ta-feng, wide-deep, dmr"):
        find_recipes("all-aqcl", methods=["dmr"], backbones=["wide-deep"], datasets=["ta-feng"])
    with pytest.raises(CtrbenchError, match=r"has all of wide-deep, dmr$"):
        find_recipes("all-aqcl", methods=["dmr"], backbones=["wide-deep"])


def test_all_keeps_every_name_of_a_collections_recipes():
    everything = names(find_recipes("all-aqcl"))
    assert names(find_recipes("all-aqcl", methods=["all"], backbones=["all"], datasets=["all"])) == everything
    of_beauty = names(find_recipes("all-aqcl", datasets=["amazon-beauty"]))
    assert names(find_recipes("all-aqcl", methods=["all"], datasets=["amazon-beauty"])) == of_beauty != everything


def test_a_recipe_names_commands_that_find_it_again(tmp_path):
    folder = tmp_path / "my recipes"
    folder.mkdir()
    (folder / "mine.toml").write_text('extends = "aqcl-table2"\n')
    path = str(folder / "mine.toml")
    (one,) = find_recipes(path, methods=["icl", "aqcl"], seeds=2, overrides={"training.watch": "logloss"})
    asked = f"'{path}' --method icl,aqcl"
    assert one.recipe.command("measure", "--by", "age") == "ctrbench measure --by age"
    assert one.recipe.command("search") == f"ctrbench search {asked}"
    assert one.recipe.command("run") == f"""ctrbench run {asked} --seeds 2 --set 'training.watch="logloss"'"""
    words = shlex.split(one.recipe.command("run"))
    assert find_recipes(
        words[2], methods=words[4].split(","), seeds=2, overrides=dict([parse_assignment(words[8])])
    ) == [one]
    (alone,) = find_recipes(None, methods=["icl"], datasets=["ta-feng"])
    assert alone.recipe.command("run") == "ctrbench run --dataset ta-feng --method icl"
    assert alone.recipe.command("report", "--full") == "ctrbench report --full"
    (narrowed,) = find_recipes(path, methods=["icl"])
    assert narrowed.recipe.command("measure") == f"ctrbench measure '{path}' --method icl"
    (shipped,) = find_recipes("quickstart")
    assert shipped.recipe.model_copy(update={"seeds": 1}).command("search") == "ctrbench search quickstart"
    assert read_recipe(path).command("run") == f"ctrbench run '{path}'"
    assert Recipe.read(one.recipe.model_dump(), "mine").command("run") == "ctrbench run …/mine.toml"


def test_a_name_that_no_recipe_of_a_collection_has():
    with pytest.raises(CtrbenchError, match=r"unknown dataset 'ta-fneg'; did you mean ta-feng\?"):
        find_recipes("all-aqcl", datasets=["ta-fneg"])


def test_what_was_asked_for_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('extends = "aqcl-table2"\n')
    query = RecipeQuery(name="mine.toml", datasets=("ta-feng",), seeds=2, overrides={"training.epochs": 1})
    query.save(tmp_path / "results" / "last.toml")
    monkeypatch.chdir(tmp_path / "results")
    kept = RecipeQuery.read(read_toml(tmp_path / "results" / "last.toml"), "last.toml")
    (one,) = kept.matches()
    assert (one.recipe.name, list(one.recipe.datasets), one.recipe.seeds) == ("mine", ["ta-feng"], 2)
    assert one.recipe.overrides == {"training.epochs": 1}
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CtrbenchError, match="cannot be written"):
        query.save(tmp_path / "file" / "last.toml")


def test_names_alone_make_a_recipe():
    (one,) = find_recipes(None, methods=["aqcl"])
    assert (one.recipe.name, one.argument, one.is_unmodified) == (AD_HOC, None, True)
    with pytest.raises(CtrbenchError, match="nothing to run: name a recipe"):
        find_recipes(None)


def test_seeds_and_names_of_a_query_are_checked_like_a_recipes():
    with pytest.raises(CtrbenchError, match="seeds: input should be less than or equal to 1000"):
        find_recipes("quickstart", seeds=10**12)
    with pytest.raises(CtrbenchError, match="is not fit to be the name of a dataset"):
        find_recipes("quickstart", datasets=["x/../../ESCAPED"])
    with pytest.raises(CtrbenchError, match="is not fit to be the name of a backbone or method"):
        find_recipes(None, methods=["x/../../ESCAPED"])


def test_choosing_among_methods_leaves_the_family_of_comparisons_whole():
    whole = find_recipes("aqcl-table2")[0].recipe.compared
    assert whole == {"dropoutnet", "deepmcp", "dmr", "icl", "aqcl"}
    assert find_recipes("aqcl-table2", methods=["aqcl"])[0].recipe.compared == whole
    assert find_recipes(None, methods=["aqcl"], backbones=["din"])[0].recipe.compared == {"aqcl"}
