import tomllib

import pytest

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.recipe import parse_override, read_recipe, recipe_names, write_recipe
from tests.experiments.fakes import recipe

MINIMAL = 'title = "t"\ndatasets = ["toy"]\nbackbones = ["net"]\nmethods = ["plain"]\n'


def read(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    return read_recipe(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_are_valid_and_begin_with_their_command(name):
    assert read_recipe(name).name == name
    first = (places.shipped("recipes") / f"{name}.toml").read_text().splitlines()[0]
    assert first.startswith("# ctrbench ")
    assert first.endswith(f"run {name}")


def test_name_is_the_files_and_names_may_be_lists_or_tables(tmp_path):
    listed = read(tmp_path, MINIMAL)
    assert (listed.name, listed.methods) == ("mine", {"plain": {}})
    tables = MINIMAL.replace('methods = ["plain"]', "") + "[methods.plain]\n[methods.weighted]\nweight = 0.1\n"
    assert read(tmp_path, tables).methods == {"plain": {}, "weighted": {"weight": 0.1}}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sedes = 3", "unknown key 'sedes'; did you mean seeds?"),
        ("seeds = 'five'", "seeds: input should be a valid integer"),
        ("seeds = 0", "seeds: input should be greater than or equal to 1"),
        ("base = 'icl'", "base 'icl' is not one of the methods"),
        (
            "[search]\ntrials = 3\n[search.space]\na = {lwo = 1}",
            "unknown key 'search.space.a.lwo'; did you mean search.space.a.low?",
        ),
        (
            "[search]\ntrails = 3\n[search.space]\na = {choices = [1]}",
            "unknown key 'search.trails'; did you mean search.trials?",
        ),
        ("[search]\ntrials = 3\n[search.space]\na = {low = 1}", "search.space.a: a dimension is either"),
        ("[search]\ntrials = 3\n[search.space]\na = {low = 0, high = 1, log = true}", "low must be less than high"),
        ("[search]\ntrials = 3\nseed = 2\n[search.space]\na = {choices = [1]}", "one of the table's seeds 0 to 4"),
        ("seeds = ", "cannot be read as TOML"),
    ],
)
def test_faults_are_one_line_that_names_the_file(tmp_path, line, message):
    with pytest.raises(CtrbenchError) as error:
        read(tmp_path, MINIMAL + line)
    assert message in str(error.value)
    assert str(tmp_path / "mine.toml") in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_names():
    with pytest.raises(CtrbenchError, match="unknown recipe 'quickstrat'; did you mean quickstart"):
        read_recipe("quickstrat")
    with pytest.raises(CtrbenchError, match=r"mine\.toml: no such recipe file"):
        read_recipe("mine.toml")


@pytest.mark.parametrize(
    ("text", "value"),
    [("a.b=2048", 2048), ("a.b=[64, 32]", [64, 32]), ("a.b=fixed", "fixed"), ('a.b="x=y"', "x=y"), ("a.b=true", True)],
)
def test_override_values_are_toml_or_a_bare_word(text, value):
    assert parse_override(text) == ("a.b", value)


def test_override_without_value():
    with pytest.raises(CtrbenchError, match="want PATH=VALUE"):
        parse_override("training.batch_size")


def test_a_saved_recipe_reads_back(tmp_path):
    search = {"trials": 2, "space": {"training.penalty": {"low": 1e-5, "high": 0.1, "log": True}}}
    saved = recipe(
        search=search, overrides={"training.batch_size": 8}, methods={"plain": {}, "weighted": {"weight": 0.1}}
    )
    write_recipe(saved, tmp_path / "results" / "last.toml")
    assert read_recipe(tmp_path / "results" / "last.toml") == saved
    assert tomllib.loads((tmp_path / "results" / "last.toml").read_text())["name"] == "toy-table"
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["last.toml"]


def test_a_recipe_that_cannot_be_saved(tmp_path):
    (tmp_path / "results").write_text("a file")
    with pytest.raises(CtrbenchError, match="cannot be written"):
        write_recipe(recipe(), tmp_path / "results" / "last.toml")
