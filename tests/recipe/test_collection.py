"""Collections: what they stand for, and what is done when one of their recipes fails."""

import pytest

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.collection import collection_names, for_each_recipe, read_collection, recipes_of
from ctrbench.recipe.read import read_recipe, recipe_names
from tests.fakes.recipes import recipe


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.toml").write_text('title = "a"\nrecipes = ["quickstart", "b.toml", "quickstart"]\n')
    (tmp_path / "b.toml").write_text('title = "b"\nrecipes = ["protocol-sweep", "quickstart"]\n')
    return tmp_path


def test_nested_and_each_once(folder):
    assert recipes_of(str(folder / "a.toml")) == ["quickstart", "protocol-sweep"]
    assert recipes_of("quickstart") == ["quickstart"]


def test_shipped_collections_begin_with_their_command_and_hold_recipes():
    assert {"all-aqcl", "aqcl-figure7"} <= set(collection_names())
    assert not set(collection_names()).intersection(recipe_names())
    assert recipes_of("aqcl-figure7") == ["aqcl-figure7a", "aqcl-figure7b", "aqcl-figure7c"]
    for name in collection_names():
        assert read_collection(name).name == name
        first = (places.shipped("recipes") / f"{name}.toml").read_text().splitlines()[0]
        assert first.endswith(f"run {name}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('title = "a"\nrecipes = []', "recipes: tuple should have at least 1 item"),
        ('titel = "a"\nrecipes = ["quickstart"]', "unknown key 'titel'; did you mean title?"),
        ('title = "a"\nrecipes = ["quickstrat"]', r"mine\.toml: unknown recipe 'quickstrat'; did you mean quickstart"),
        ('title = "a"\nrecipes = ["mine.toml"]', "the collection contains itself"),
        ('title = "a"\nrecipes = ["../here/mine.toml"]', "the collection contains itself"),
    ],
)
def test_faults(tmp_path, text, message):
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "mine.toml").write_text(text)
    with pytest.raises(CtrbenchError, match=message):
        recipes_of(str(folder / "mine.toml"))


def test_an_unknown_name_may_be_meant_for_a_collection():
    with pytest.raises(CtrbenchError, match="unknown recipe 'aqcl-figure-7'; did you mean aqcl-figure7"):
        recipes_of("aqcl-figure-7")


def test_a_collection_is_no_recipe(folder):
    with pytest.raises(CtrbenchError, match=r"a\.toml: a collection of recipes, not a recipe; name one of its recipes"):
        read_recipe(folder / "a.toml")


def test_a_recipe_that_fails_stops_no_other():
    done = []

    def do(chosen):
        done.append(chosen.name)
        if chosen.seeds == 1:
            raise CtrbenchError(f"{chosen.name} went wrong")

    recipes = [(name, recipe(name=name, seeds=seeds)) for name, seeds in (("a", 1), ("b", 2), ("c", 1))]
    with pytest.raises(CtrbenchError, match=r"^2 of 3 recipes failed \(a, c\): a went wrong; c went wrong$"):
        for_each_recipe(recipes, do)
    assert done == ["a", "b", "c"]
    with pytest.raises(CtrbenchError, match=r"^a went wrong$"):
        for_each_recipe(recipes[:2], do)


def test_names_that_no_collection_can_have(tmp_path):
    (tmp_path / "mine.toml").write_text('name = "../x"\ntitle = "a"\nrecipes = ["quickstart"]\n')
    with pytest.raises(CtrbenchError, match=r"mine\.toml: name: '\.\./x' is not fit to be the name of a recipe"):
        read_collection(str(tmp_path / "mine.toml"))
    (tmp_path / "mine.toml").write_text(f'title = "a"\nrecipes = ["{"n" * 300}", "x/../../ESCAPED"]\n')
    with pytest.raises(CtrbenchError, match=r"mine\.toml: unknown recipe 'nnn"):
        recipes_of(str(tmp_path / "mine.toml"))
