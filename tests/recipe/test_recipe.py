import pytest

from ctrbench import places
from ctrbench.errors import CtrbenchError
from ctrbench.recipe.read import read_recipe, recipe_names
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.space import Dimension
from tests.fakes.recipes import recipe

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


def test_names_are_texts(tmp_path):
    (tmp_path / "mine.toml").write_text(MINIMAL.replace('["toy"]', '[["toy"]]'))
    with pytest.raises(CtrbenchError, match=r"mine.toml: datasets: want names \(got \['toy'\]\)"):
        read_recipe(tmp_path / "mine.toml")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sedes = 3", "unknown key 'sedes'; did you mean seeds?"),
        ("seeds = 'five'", "seeds: input should be a valid integer"),
        ("seeds = 0", "seeds: input should be greater than or equal to 1"),
        ("base = 'icl'", "base 'icl' is not one of the methods"),
        ("against = 'haevy'\nvariants.heavy = {}", "against 'haevy' is neither a variant nor the base"),
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
        (
            "[search]\ntrials = 3\n[search.space]\na = {choices = [1], low = 0.1}",
            "either {low, high} or {choices}",
        ),
        ("[search]\ntrials = 3\nseed = 2\n[search.space]\na = {choices = [1]}", "one of the table's seeds 0 to 4"),
        ("[seeds_on.tyo]\nplain = 9", "seeds_on: unknown dataset 'tyo'; did you mean toy?"),
        ("[seeds_on.toy]\nplian = 9", "seeds_on: unknown method 'plian'; did you mean plain?"),
        ("[not_comparable]\nlarge = 'other'", "not_comparable: unknown dataset 'large'; known: toy"),
        (
            "[search]\ntrials = 3\ntrials_on = {tyo = 2}\n[search.space]\na = {choices = [1]}",
            "search.trials_on: unknown dataset 'tyo'; did you mean toy?",
        ),
        ('name = "../elsewhere"', "name: '../elsewhere' is not fit to be the name of a recipe"),
        ('name = "x/../../ESCAPED"', "name: 'x/../../ESCAPED' is not fit to be the name of a recipe"),
        (f'name = "{"n" * 300}"', "of a recipe is too long (300 letters)"),
        ('published = "../secret"', "published: '../secret' is not fit"),
        ("seeds = true", "seeds: input should be a valid integer (got True)"),
        ('seeds = "3"', "seeds: input should be a valid integer (got '3')"),
        ("seeds = 1_000_000_000_000", "seeds: input should be less than or equal to 1000"),
        ("representations = 1_000_000_000_000", "representations: input should be less than or equal to 100000"),
        (
            "[search]\ntrials = 1_000_000_000_000\n[search.space]\na = {choices = [1]}",
            "search.trials: input should be less than or equal to 10000",
        ),
        (
            "[search]\ntrials = 3\nseed = 1_000_000_000_000\n[search.space]\na = {choices = [1]}",
            "search.seed: input should be less than 2147483648",
        ),
        (
            "[search]\ntrials = 3\n[search.space]\na = {low = 0, high = inf}",
            "low and high must lie between -1e+300 and 1e+300",
        ),
        ("[search]\ntrials = 3\n[search.space]\na = {choices = [nan]}", "choices are text, numbers"),
        ("[search]\ntrials = 3\n[search.space]\na = {choices = [2020-01-01]}", "choices are text, numbers"),
        ('[variants."x/../../ESCAPED"]', "is not fit to be the name of a variant"),
        ('[variants.".."]', "'..' is not fit to be the name of a variant"),
        (f"[variants.{'n' * 300}]", "of a variant is too long (300 letters)"),
        ("seeds = ", "cannot be read as TOML"),
        ("representations = -1", "representations: input should be greater than or equal to 0"),
        ('variants = ["one"]', "variants: input should be a table"),
        ('[variants.""]', "'' is not fit to be the name of a variant"),
        ("[variants]\none = 3", "variants.one: input should be a table"),
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


def test_datasets_may_be_a_list_or_a_table_of_settings(tmp_path):
    assert read(tmp_path, MINIMAL).datasets == {"toy": {}}
    tables = (
        MINIMAL.replace('datasets = ["toy"]\n', "") + '[datasets.toy]\n"training.penalty" = 0.1\n[datasets.other]\n'
    )
    found = read(tmp_path, tables).datasets
    assert (list(found), found) == (["toy", "other"], {"toy": {"training.penalty": 0.1}, "other": {}})


def test_variants_keep_their_order_and_may_change_nothing(tmp_path):
    found = read(tmp_path, MINIMAL + '[variants.as-chosen]\n[variants."no history"]\n"data.history_length" = 0\n')
    assert list(found.variants.items()) == [("as-chosen", {}), ("no history", {"data.history_length": 0})]
    assert read(tmp_path, MINIMAL).variants == {}


def test_a_recipe_inherits_the_top_level_keys_that_it_does_not_set(tmp_path):
    (tmp_path / "first.toml").write_text(
        MINIMAL + "seeds = 3\nrepresentations = 7\n[training]\nepochs = 2\npatience = 1\n"
    )
    (tmp_path / "second.toml").write_text('extends = "first.toml"\nseeds = 4\n[training]\nepochs = 9\n')
    found = read(tmp_path, f'extends = "{tmp_path}/second.toml"\ntitle = "mine"\n')
    assert (found.name, found.title, found.seeds, found.representations) == ("mine", "mine", 4, 7)
    # Whole keys are taken or left: of [training] nothing is mixed.
    assert found.training == {"epochs": 9}
    assert found.datasets == {"toy": {}}


def test_a_recipe_may_extend_a_shipped_one(tmp_path):
    shipped, found = read_recipe("quickstart"), read(tmp_path, 'extends = "quickstart"\nseeds = 1\n')
    assert found.model_dump() == shipped.model_copy(update={"name": "mine", "seeds": 1}).model_dump()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('extends = "quickstrat"', "unknown recipe 'quickstrat'; did you mean quickstart?"),
        ('extends = "gone.toml"', "gone.toml: no such recipe file"),
        ('extends = "{here}/mine.toml"', "mine.toml: circular inheritance; name another recipe"),
        ('extends = "{here}/other.toml"', "mine.toml: circular inheritance; name another recipe"),
        ('extends = "quickstart"\nsedes = 1', "mine.toml: unknown key 'sedes'; did you mean seeds?"),
    ],
)
def test_a_recipe_that_cannot_be_extended(tmp_path, text, message):
    (tmp_path / "other.toml").write_text(f'extends = "{tmp_path}/mine.toml"')
    with pytest.raises(CtrbenchError) as error:
        read(tmp_path, text.replace("{here}", str(tmp_path)))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("space", "within", "edges"),
    [
        ({"low": 0.0, "high": 2.0}, [0.11, 1.0, 1.89], [0.0, 0.09, 1.91, 2.0]),
        ({"low": 1e-5, "high": 1e-1, "log": True}, [1.7e-5, 1e-3, 0.06], [1e-5, 1.5e-5, 0.07, 0.1]),
        ({"choices": [0.05, 0.01, 0.1]}, [0.05], [0.01, 0.1]),
        ({"choices": [["user", "item"], ["item"]]}, [["item"]], []),
        ({"choices": [False, True]}, [False, True], []),
        ({"choices": [3]}, [3], []),
    ],
)
def test_where_a_space_ends(space, within, edges):
    dimension = Dimension.model_validate(space, strict=False)
    assert [value for value in (*within, *edges) if dimension.on_edge(value)] == edges


@pytest.mark.parametrize("kind", ["datasets", "backbones", "methods"])
@pytest.mark.parametrize("name", ["x/../../ESCAPED", "/etc/passwd", "", "..", "n" * 300, "a\nb", "-x"])
def test_a_name_that_leads_elsewhere_is_refused(kind, name):
    document = {"name": "mine", "title": "t", "datasets": ["toy"], "backbones": ["net"], "methods": ["plain", "other"]}
    with pytest.raises(CtrbenchError) as error:
        Recipe.read({**document, kind: ["plain", name]}, "mine.toml")
    assert str(error.value).startswith(f"mine.toml: {kind}: ")
    assert repr(name)[:40] in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("name", ["x/../../ESCAPED", "n" * 300, "n" * 5000 + ".toml", "a\0b", "a\0b.toml", "", "."])
def test_a_name_that_no_recipe_can_have(name):
    with pytest.raises(CtrbenchError, match=r"unknown recipe|no such recipe file") as error:
        read_recipe(name)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


def test_a_byte_order_mark_is_no_part_of_a_recipe(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xef\xbb\xbf" + MINIMAL.encode())
    assert read_recipe(tmp_path / "mine.toml").title == "t"


@pytest.mark.parametrize("content", [MINIMAL.encode("utf-16"), b'title = "\xe4"', b"a = " + b"[" * 5000, b"\0"])
def test_a_file_that_is_not_toml_in_utf_8(tmp_path, content):
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(CtrbenchError, match=r"mine\.toml: cannot be read as TOML") as error:
        read_recipe(tmp_path / "mine.toml")
    assert "\n" not in str(error.value)


def test_circular_inheritance_of_three(tmp_path):
    for name, parent in (("a", "b"), ("b", "c"), ("c", "a")):
        (tmp_path / f"{name}.toml").write_text(f'extends = "{parent}.toml"\n')
    with pytest.raises(CtrbenchError, match=r"a\.toml: circular inheritance; name another recipe in 'extends'"):
        read_recipe(tmp_path / "a.toml")


def test_a_collection_cannot_be_extended(tmp_path):
    with pytest.raises(CtrbenchError, match=r"mine\.toml: a collection of recipes, not a recipe"):
        read(tmp_path, 'extends = "all-aqcl"\n')


def test_variants_of_one_method_alone_are_compared_with_each_other():
    one = {"variants": {"light": {}, "heavy": {"method.weight": 0.5}}, "against": "light"}
    assert recipe(**one).against == "light"
    assert recipe(**one, methods=["plain"]).against == "light"
    for variants in ({}, {"light": {}, "plain": {}}):
        with pytest.raises(CtrbenchError, match="against needs variants, none of which has the name of a method"):
            recipe(variants=variants, against="plain")
    with pytest.raises(CtrbenchError, match="against compares the variants of one method: name the base and one other"):
        recipe(**one, methods=["plain", "weighted", "icl"])
    assert [each for each in ("plain", "weighted", "icl") if recipe(**one).varies(each)] == ["weighted", "icl"]


def test_the_variants_of_a_named_method_are_compared_beside_other_methods():
    of_base = {"variants": {"sum": {}, "ema": {"training.balance": "ema"}}, "against": "sum", "varied": "plain"}
    made = recipe(**of_base, methods=["plain", "weighted", "icl"])
    assert [method for method in made.methods if made.varies(method)] == ["plain"]
    assert all(map(recipe().varies, ("plain", "weighted")))
    for wrong in ({"against": None}, {"against": "plain"}):
        with pytest.raises(CtrbenchError, match="varied names the method whose variants are compared: set against to"):
            recipe(**of_base | wrong)
    with pytest.raises(CtrbenchError, match="varied 'plian' is not one of the methods"):
        recipe(**of_base | {"varied": "plian"}, methods=["plain", "weighted"])
