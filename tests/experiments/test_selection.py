"""What options make of a recipe, and of a collection's."""

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.recipe import read_document
from ctrbench.experiments.selection import AD_HOC, Asked, select


def names(selected):
    return {each.argument: (list(each.recipe.datasets), list(each.recipe.methods)) for each in selected}


def test_names_take_the_place_of_a_recipes_and_the_base_stays():
    (one,) = select("aqcl-table2", datasets=["mine"], methods=["icl"])
    assert (list(one.recipe.datasets), list(one.recipe.methods)) == (["mine"], ["plain", "icl"])
    assert one.recipe.training["patience"] == 1
    assert not one.as_filed


@pytest.mark.parametrize("change", [{"seeds": 1}, {"overrides": {"training.epochs": 1}}, {"datasets": ["ta-feng"]}])
def test_a_recipe_is_as_filed_unless_something_changed_it(change):
    assert [each.as_filed for each in select("aqcl-figure5")] == [True]
    assert [each.as_filed for each in select("aqcl-figure5", **change)] == [False]
    assert [each.as_filed for each in select("aqcl-figure6", datasets=["amazon-beauty"], seeds=1)] == [True]


def test_the_order_of_names_is_part_of_a_recipe():
    assert [each.as_filed for each in select("aqcl-figure5", datasets=["ta-feng", "amazon-beauty"])] == [False]


@pytest.mark.parametrize(("file", "text"), [("aqcl-figure5.toml", ""), ("mine.toml", 'name = "aqcl-figure5"\n')])
def test_a_file_that_borrows_the_name_of_a_shipped_recipe_is_not_as_filed(tmp_path, file, text):
    (tmp_path / file).write_text(f'{text}like = "aqcl-figure5"\n')
    (one,) = select(str(tmp_path / file))
    assert (one.recipe.name, one.as_filed) == ("aqcl-figure5", False)
    (tmp_path / "other.toml").write_text('like = "aqcl-figure5"\n')
    assert [each.as_filed for each in select(str(tmp_path / "other.toml"))] == [True]


def test_names_choose_among_the_recipes_of_a_collection():
    assert names(select("aqcl-figure7", datasets=["ta-feng"])) == {"aqcl-figure7b": (["ta-feng"], ["plain", "aqcl"])}
    everything = names(select("all-aqcl", datasets=["ta-feng"]))
    assert "aqcl-figure7a" not in everything
    assert "aqcl-table2-weights" not in everything
    sweep, _ = everything["protocol-sweep"]
    assert len(sweep) == 6
    assert all(name.startswith("ta-feng@") for name in sweep)
    assert everything["aqcl-table2"] == (["ta-feng"], ["plain", "dropoutnet", "deepmcp", "dmr", "icl", "aqcl"])


def test_the_recipes_of_a_collection_need_some_name_of_every_kind():
    chosen = names(select("all-aqcl", methods=["dmr"], backbones=["din"], datasets=["amazon-beauty"]))
    assert set(chosen) == {"aqcl-table2", "aqcl-table2-patience", "aqcl-table2-strong"}
    assert set(map(str, chosen.values())) == {"(['amazon-beauty'], ['plain', 'dmr'])"}
    with pytest.raises(CtrbenchError, match=r"all-aqcl: none of its recipes has all of ta-feng, wide-deep, dmr"):
        select("all-aqcl", methods=["dmr"], backbones=["wide-deep"], datasets=["ta-feng"])
    with pytest.raises(CtrbenchError, match=r"has all of wide-deep, dmr$"):
        select("all-aqcl", methods=["dmr"], backbones=["wide-deep"])


def test_a_name_that_no_recipe_of_a_collection_has():
    with pytest.raises(CtrbenchError, match=r"unknown dataset 'ta-fneg'; did you mean ta-feng\?"):
        select("all-aqcl", datasets=["ta-fneg"])


def test_what_was_asked_for_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('like = "aqcl-table2"\n')
    asked = Asked(name="mine.toml", datasets=("ta-feng",), seeds=2, overrides={"training.epochs": 1})
    asked.keep(tmp_path / "results" / "last.toml")
    monkeypatch.chdir(tmp_path / "results")
    kept = Asked.read(read_document(tmp_path / "results" / "last.toml"), "last.toml")
    (one,) = kept.recipes()
    assert (one.recipe.name, list(one.recipe.datasets), one.recipe.seeds) == ("mine", ["ta-feng"], 2)
    assert one.recipe.overrides == {"training.epochs": 1}
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CtrbenchError, match="cannot be written"):
        asked.keep(tmp_path / "file" / "last.toml")


def test_names_alone_make_a_recipe():
    (one,) = select(None, methods=["aqcl"])
    assert (one.recipe.name, one.argument, one.as_filed) == (AD_HOC, None, True)
    with pytest.raises(CtrbenchError, match="nothing to run: name a recipe"):
        select(None)
