"""Which records fill a report: by what the archive says of itself, without torch and without plug-ins."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.report.select import select_rows
from ctrbench.store.identity import Plugin
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
from tests.fakes import prepared, records
from tests.fakes.outside import METHOD, install
from tests.fakes.recipes import recipe

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "pyarrow", "optuna")
RECIPE = recipe(backbones=["din"], methods=["plain", "outside"])
FOUR = {"training": {"epochs": 4}}


def plugin(digest="0" * 64, **defaults):
    own = {"weight": 0.5, **defaults}
    return Plugin(kind="method", name="outside", distribution="outside-package 1.0", digest=digest, defaults=own)


def file(store, *, plugins=(), method="plain", seeds=range(2), manifest=None, settings=FOUR, **changes):
    for seed in seeds:
        job = records.config(method, seed, backbone="din", settings=settings)
        entry = records.entry(job, manifest or prepared.manifest(), plugins=plugins, **changes)
        store.archive.add([entry.record], [entry.facts])


@pytest.fixture
def store(tmp_path):
    return Store.of(tmp_path / "results")


def select(tmp_path, chosen=RECIPE):
    return select_rows(chosen, tmp_path / "results", tmp_path / "data")


def light(code, *arguments):
    """What a new process prints, and the heavy modules that it imported."""
    text = f"import json, sys\n{code}\nprint(json.dumps([each for each in {HEAVY!r} if each in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", text, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    *printed, imported = done.stdout.splitlines()
    return printed, json.loads(imported)


@pytest.mark.parametrize(
    "code",
    [
        "import ctrbench",
        "import ctrbench.report.select",
        "import ctrbench.recipe.query, ctrbench.recipe.collection",
        "import ctrbench.store.pack, ctrbench.store.verify, ctrbench.store.best_settings",
        "from ctrbench.planning.registries import REGISTRIES; REGISTRIES.defaults()",
        "import ctrbench.planning.rows, ctrbench.planning.settings, ctrbench.planning.search_basis",
    ],
)
def test_what_a_report_needs_imports_nothing_heavy(code):
    assert light(code) == ([], [])


COUNT = """
from pathlib import Path
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.read import read_recipe
from ctrbench.report.select import select_rows
document = json.loads(sys.argv[2])
recipe = read_recipe(document) if isinstance(document, str) else Recipe.read(document, "recipe")
found = select_rows(recipe, Path(sys.argv[1]), Path(sys.argv[1]) / "no data")
print(len(found.rows), len(found.missing), len(found.references))
"""


def test_a_committed_table_is_found_without_torch():
    printed, imported = light(COUNT, str(ROOT / "results"), json.dumps("aqcl-table2"))
    assert imported == []
    assert printed == ["90 0 7"]


def test_rows_of_a_plugin_that_is_not_installed(tmp_path, store):
    file(store)
    file(store, method="outside", plugins=[plugin()])
    file(store, method="outside", plugins=[plugin()], settings={**FOUR, "method": {"weight": 0.9}})
    found = select(tmp_path)
    assert [(row.key.method, row.record.seed, row.record.settings) for row in found.rows] == [
        ("plain", 0, FOUR),
        ("plain", 1, FOUR),
        ("outside", 0, FOUR),
        ("outside", 1, FOUR),
    ]
    assert found.missing == ()
    assert found.defaults.methods["outside"] == {"weight": 0.5}
    heavier = select(tmp_path, recipe(**{**RECIPE.model_dump(), "methods": {"plain": {}, "outside": {"weight": 0.9}}}))
    assert [row.record.settings.get("method") for row in heavier.rows] == [None, None, {"weight": 0.9}, {"weight": 0.9}]
    printed, imported = light(COUNT, str(tmp_path / "results"), RECIPE.model_dump_json())
    assert (printed, imported) == (["4 0 0"], [])


def test_a_plugin_that_is_not_installed_needs_no_records_on_every_dataset(tmp_path, store):
    file(store, method="outside", plugins=[plugin()])
    for names in (["other", "toy"], ["toy", "other"]):
        found = select(tmp_path, RECIPE.model_copy(update={"datasets": dict.fromkeys(names, {})}))
        assert [row.key.dataset for row in found.rows] == ["toy", "toy"]
        assert len(found.missing) == 6


def test_settings_of_a_plugin_that_is_not_installed_are_checked(tmp_path, store):
    file(store, method="outside", plugins=[plugin()])
    with pytest.raises(
        CtrbenchError, match=r"unknown setting 'methods\.outside\.wieght'; did you mean methods\.outside"
    ):
        select(tmp_path, RECIPE.model_copy(update={"overrides": {"methods.outside.wieght": 1}}))


def test_a_plugin_that_nobody_knows(tmp_path, store):
    file(store)
    with pytest.raises(CtrbenchError, match="unknown method 'outside'; known: aqcl, "):
        select(tmp_path)


def test_of_two_versions_of_a_plugin_that_is_not_installed_the_commoner_counts(tmp_path, store):
    file(store)
    file(store, method="outside", plugins=[plugin("1" * 64)], seeds=[0])
    file(store, method="outside", plugins=[plugin("2" * 64, tau=0.1)])
    found = select(tmp_path)
    assert [row.record.plugins[0].digest[0] for row in found.rows if row.key.method == "outside"] == ["2", "2"]
    assert found.defaults.methods["outside"] == {"weight": 0.5, "tau": 0.1}


def test_records_of_a_plugins_older_code_are_stale(tmp_path, store, monkeypatch):
    from ctrbench.planning.registries import REGISTRIES

    install(tmp_path / "packages", monkeypatch)
    monkeypatch.setattr(REGISTRIES.methods, "_loaded", dict(REGISTRIES.methods._loaded))
    present = REGISTRIES.plugins(records.config("outside", backbone="din"))
    file(store)
    file(store, method="outside", plugins=[plugin()])
    found = select(tmp_path)
    assert [row.key.method for row in found.rows] == ["plain", "plain"]
    assert found.missing == ("toy din outside seed 0", "toy din outside seed 1")
    only = recipe(backbones=["din"], methods=["outside"], base="outside")
    with pytest.raises(CtrbenchError, match=r"its 2 finished jobs are stale: made with other data, .* or of a plug-in"):
        select(tmp_path, only)
    file(store, method="outside", plugins=present, auc=0.9)
    found = select(tmp_path)
    assert [row.record.plugins for row in found.rows if row.key.method == "outside"] == [present, present]
    assert found.missing == ()
    sys.modules.pop("outside_module", None)
    assert METHOD in (tmp_path / "packages" / "outside_module.py").read_text()


def test_records_of_another_algorithm_version_are_stale(tmp_path, store):
    job = records.config(backbone="din", settings=FOUR)
    old = records.entry(job, manifest := prepared.manifest())
    identity = job.identity(manifest.fingerprint, version=1)
    store.archive.add([old.record.model_copy(update={"identity": identity, "algorithm_version": 1})], [old.facts])
    with pytest.raises(CtrbenchError, match="its 1 finished job is stale"):
        select(tmp_path, recipe(backbones=["din"], methods=["plain"]))


def test_of_prepared_data_only_records_of_those_data_count(tmp_path, store):
    plain = recipe(backbones=["din"], methods=["plain"])
    file(store, manifest=prepared.manifest(items=9))
    file(store, seeds=[0])
    assert [row.record.fingerprint for row in select(tmp_path, plain).rows] == [
        prepared.manifest(items=9).fingerprint
    ] * 2
    prepared.prepare(tmp_path / "data")
    found = select(tmp_path, plain)
    assert [row.record.fingerprint for row in found.rows] == [prepared.manifest().fingerprint]
    assert found.missing == ("toy din plain seed 1",)


def test_records_are_found_before_and_after_they_are_packed(tmp_path, store):
    import pyarrow as pa

    entry = records.entry(records.config(backbone="din", settings=FOUR), prepared.manifest())
    store.work.write(entry.record, entry.facts, pa.table({"row": [0]}), None)
    store.write_references(records.facts(prepared.manifest()), [records.reference(prepared.manifest())])
    plain = recipe(backbones=["din"], methods=["plain"], seeds=1)
    before = select(tmp_path, plain)
    pack(store)
    after = select(tmp_path, plain)
    assert before.rows == after.rows
    assert before.references == after.references
    assert [row.record for row in after.rows] == [entry.record]
    assert [row.record.reference for row in after.references] == ["random"]


@pytest.mark.parametrize("name", ["x/../../ESCAPED", "n" * 300])
def test_no_name_of_a_recipe_is_read_or_written_elsewhere(name):
    for kind in ("datasets", "backbones", "methods"):
        with pytest.raises(CtrbenchError, match=r"not fit to be the name|is too long"):
            recipe(**{kind: ["plain", name]})
