"""Which records fill a report: by what the archive says of itself, without torch and without plug-ins."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.planning.plan import make_plan
from ctrbench.planning.search_basis import basis
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.against import variants_as_methods
from ctrbench.report.build import build
from ctrbench.report.select import Edge, select_data, select_rows
from ctrbench.report.statistics import cells
from ctrbench.store.best_settings import BestSettings, SearchResult, Trial, write_best_settings
from ctrbench.store.identity import Plugin
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
from tests.fakes import prepared, records
from tests.fakes.outside import METHOD, install
from tests.fakes.recipes import recipe
from tests.fakes.registries import registries

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "pandas", "matplotlib", "scipy", "sklearn", "pyarrow", "optuna", "numba")
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
    printed, imported = light(COUNT, str(ROOT / "results"), json.dumps("tasks-oncold"))
    assert imported == []
    assert printed == ["10 0 12"]


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
        found = select(tmp_path, RECIPE.model_copy(update={"datasets": {name: {} for name in names}}))
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


# Rows of fake components, as if the package declared them.


@pytest.fixture
def place(tmp_path):
    prepared.prepare(tmp_path / "data")
    return tmp_path


def make(place, seeds=2, **changes):
    """Files a record of every job of a recipe, as made with the data that are prepared."""
    plan = make_plan(recipe(seeds=seeds, **changes), data=place / "data", registries=registries())
    entries = [records.entry(job.config, plan.manifests[job.config.dataset]) for job in plan.jobs]
    Store.of(place / "results").archive.add([e.record for e in entries], [e.facts for e in entries])
    return plan


def table(place, **changes):
    return select_rows(recipe(**changes), place / "results", place / "data", registries())


def test_records_are_chosen_by_configuration(place):
    make(place)
    make(place, training={"epochs": 3})
    found = table(place, seeds=3)
    rows = [(method, seed) for method in ("plain", "weighted") for seed in (0, 1)]
    assert [(row.key, row.record.seed) for row in found.rows] == [
        (RowKey("toy", "net", name), seed) for name, seed in rows
    ]
    assert {row.record.config.training.epochs for row in found.rows} == {4}
    assert [facts.dataset for facts in found.facts] == ["toy"]
    assert found.references == ()
    assert found.missing == ("toy net plain seed 2", "toy net weighted seed 2")


def test_the_worlds_of_a_dataset_fill_one_row(place):
    for seed, name in enumerate(("sim", "sim@seed=1")):
        prepared.prepare(place / "data", name, synthetic=True, items=3 + seed)
    worlds = {"datasets": ["sim"], "worlds": True}
    make(place, **worlds)
    for _ in ("with the data", "without"):
        found = table(place, **worlds, seeds=2)
        assert [(row.key.dataset, row.record.dataset, row.record.seed) for row in found.rows] == [
            ("sim", "sim", 0),
            ("sim", "sim@seed=1", 1),
        ] * 2
        assert [facts.dataset for facts in found.facts] == ["sim"]
        assert found.missing == ()
        plain, weighted = (c for c in cells(found, "auc", "activeness") if (c.group, c.metric) == ("overall", "auc"))
        values = [row.record.overall("auc") for row in found.rows]
        assert (plain.mean, weighted.seeds) == (pytest.approx(sum(values[:2]) / 2), 2)
        shutil.rmtree(place / "data", ignore_errors=True)


def test_a_row_of_worlds_without_the_first_goes_by_its_name_all_the_same(place):
    for seed, name in enumerate(("sim", "sim@seed=1")):
        prepared.prepare(place / "data", name, synthetic=True, items=3 + seed)
    worlds = {"datasets": ["sim"], "worlds": True, "not_comparable": {"sim": "it is simulated"}}
    make(place, **worlds)
    shutil.rmtree(place / "results" / "records" / "sim", ignore_errors=False)
    plan = make_plan(recipe(seeds=2, **worlds), data=place / "data", registries=registries())
    entries = [records.entry(job.config, plan.manifests[job.config.dataset]) for job in plan.jobs if job.config.seed]
    Store.of(place / "results").archive.add([e.record for e in entries], [e.facts for e in entries])
    found = table(place, **worlds, seeds=2)
    assert {(row.key.dataset, row.facts.dataset, row.record.dataset) for row in found.rows} == {
        ("sim", "sim", "sim@seed=1")
    }
    assert [facts.dataset for facts in found.facts] == ["sim"]
    text = build(found)
    assert "sim: " in text.data
    assert ("Not comparable", "sim: it is simulated") not in text.notes  # no published values here


def test_records_of_other_data_do_not_count_while_data_are_prepared_here(place):
    make(place)
    prepared.prepare(place / "data", items=4)
    with pytest.raises(CtrbenchError, match="toy-table: its 4 finished jobs are stale: made with other data") as error:
        table(place)
    assert str(error.value).endswith("; run: ctrbench run …/toy-table.toml")
    make(place, seeds=1)
    found = table(place)
    assert (len(found.rows), len(found.missing)) == (2, 2)


def test_a_mended_title_or_another_cohort_leaves_records_as_they_are(place):
    make(place)
    prepared.prepare(place / "data", title="Mended", cohorts=(prepared.AGES,))
    assert len(table(place).rows) == 4


def test_a_fresh_clone_takes_the_data_with_most_jobs(place):
    plan = make(place)
    wanted = plan.manifests["toy"]
    store = Store.of(place / "results")
    other = prepared.prepare(place / "data", items=4)
    make(place, seeds=1)
    store.archive.add(references=[records.reference(wanted), records.reference(other)])
    shutil.rmtree(place / "data")
    found = table(place)
    assert [row.record.fingerprint for row in found.rows] == [wanted.fingerprint] * 4
    assert [row.record.fingerprint for row in found.references] == [wanted.fingerprint]
    assert [row.facts.key for row in found.references] == [(wanted.fingerprint, wanted.measuring_fingerprint)]
    assert found.missing == ()


def test_a_clone_without_records(place):
    shutil.rmtree(place / "data")
    found = table(place)
    assert (found.rows, found.references, len(found.missing)) == ((), (), 4)


def test_refused_pairs_are_not_missing(place):
    found = table(place, backbones=["deep"], methods=["plain", "picky"], seeds=1)
    assert found.missing == ("toy deep plain seed 0",)
    assert found.refused == {"toy deep picky": "it wants a history"}


def test_references_of_the_tasks_that_were_trained_alone(place):
    make(place)
    rows = [records.reference(prepared.manifest(), task=task) for task in ("click", "conversion given click")]
    Store.of(place / "results").archive.add(references=rows)
    assert [row.record.task for row in table(place).references] == ["click"]


VARIANTS = {"as chosen": {}, "heavy": {"method.weight": 0.5}}


def test_a_job_stands_in_every_row_that_shares_it(place):
    assert len(make(place, variants=VARIANTS, seeds=1).jobs) == 3
    found = table(place, variants=VARIANTS, seeds=2)
    assert [str(row.key) for row in found.rows] == [
        f"toy net {method} ({variant})" for variant in VARIANTS for method in ("plain", "weighted")
    ]
    shared, light, again, heavy = (row.record for row in found.rows)
    assert shared == again
    assert [record.settings.get("method") for record in (light, heavy)] == [None, {"weight": 0.5}]
    # A shared job is missing once, in its first row.
    assert found.missing == tuple(f"{row.key} seed 1" for row in found.rows if row is not found.rows[2])


def test_variants_take_the_place_of_methods(place):
    changes = {"variants": {"chosen": {}, "heavy": {"method.weight": 0.5, "training.epochs": 3}}, "against": "chosen"}
    assert [str(job) for job in make(place, **changes, seeds=1).jobs] == [
        "toy net plain (chosen) seed 0",
        "toy net weighted (chosen) seed 0",
        "toy net weighted (heavy) seed 0",
    ]
    found = variants_as_methods(table(place, **changes, seeds=2))
    assert [(row.key.method, row.key.variant) for row in found.rows] == [
        (method, "") for method in ("plain", "chosen", "heavy")
    ]
    assert found.recipe.base == "chosen"
    assert found.recipe.compared == {"plain", "heavy"}
    # The base has no second variant, so that none of its jobs lacks.
    assert len(found.missing) == 3
    _, one, other = (each for each in cells(found, "auc", "overall") if each.metric == "auc" and not each.is_reference)
    assert (one.method, other.method) == ("plain", "heavy")
    assert one.difference.comparisons == other.difference.comparisons == 2


def test_a_choice_of_methods_leaves_the_family_of_variants_as_it_is(place):
    changes = {"variants": {"chosen": {}, "long": {"training.epochs": 3}}, "against": "chosen", "varied": "plain"}
    whole = recipe(**changes, methods=["plain", "weighted", "diverging"])
    part = recipe(**changes, methods=["plain"]).part_of(whole)
    make(place, **changes, methods=["plain"], seeds=1)
    chosen = variants_as_methods(replace(table(place, **changes, methods=["plain"], seeds=1), recipe=part))
    assert list(chosen.recipe.methods) == ["chosen", "long"]
    assert chosen.recipe.compared == {"weighted", "diverging", "long"}


def test_without_against_variants_stay_variants(place):
    make(place, variants=VARIANTS)
    found = table(place, variants=VARIANTS)
    assert variants_as_methods(found) is found


def test_a_table_without_variants_takes_the_jobs_of_one_with_them(place):
    make(place, variants=VARIANTS)
    found = table(place)
    assert (len(found.rows), found.missing) == (4, ())
    assert {row.key.variant for row in found.rows} == {""}


def test_settings_of_a_dataset_choose_its_records(place):
    prepared.prepare(place / "data", "other")
    datasets = {"toy": {}, "other": {"training.epochs": 2}}
    make(place, datasets=datasets, seeds=1)
    found = table(place, datasets=datasets, seeds=1)
    assert found.missing == ()
    assert [(row.key.dataset, row.record.config.training.epochs) for row in found.rows] == [
        *[("toy", 4)] * 2,
        *[("other", 2)] * 2,
    ]


SEARCH = {"trials": 2, "space": {"training.penalty": {"choices": [0.1, 0.2, 0.3]}}}


def settle(place, penalty):
    """Files a search of the row of plain: three trials, of which two failed."""
    row = RowKey("toy", "net", "plain")
    trials = [
        Trial(settings={"training.penalty": value}, state=state, epochs=2, value=0.5 if state == "complete" else None)
        for value, state in ((0.1, "failed"), (penalty, "complete"), (0.3, "failed"))
    ]
    settled = SearchResult(
        **row.names,
        settings={"training.penalty": penalty},
        objective="logloss",
        value=0.5,
        basis=basis(recipe(search=SEARCH), row, registries().defaults()),
        fingerprint=prepared.manifest().fingerprint,
        trials=tuple(trials),
    )
    write_best_settings(place / "results", BestSettings(recipe="toy-table", results=(settled,)))


def test_rows_that_were_not_searched_are_missing_beside_those_that_were(place):
    with pytest.raises(CtrbenchError, match="no settings were searched for toy net plain; run: ctrbench search"):
        table(place, search=SEARCH, seeds=1)
    settle(place, 0.2)
    missing = table(place, search=SEARCH, seeds=1).missing
    assert missing == ("toy net plain seed 0", "toy net weighted seed 0, not searched")


def test_what_the_search_of_a_row_came_to_is_told_once_for_its_variants(place):
    settle(place, 0.2)
    changes = {"search": SEARCH, "methods": ["plain"], "variants": {"near": {}, "far": {"training.batch_size": 9}}}
    told = table(place, **changes).searched
    assert (told.trials, told.finalists, told.failed, told.edges) == (3, 1, 2, ())
    assert [result.names for result in told.results] == [{"dataset": "toy", "backbone": "net", "method": "plain"}]
    settle(place, 0.3)
    assert table(place, **changes).searched.edges == (Edge("toy", "net", "plain", "training.penalty", 0.3),)
    assert table(place, methods=["plain"]).searched is None


def test_a_best_setting_on_an_edge_that_every_variant_replaces_is_not_told(place):
    settle(place, 0.3)
    variants = {"set": {"training.penalty": 0.2}}
    changes = {"search": SEARCH, "methods": ["plain"]}
    assert table(place, **changes, variants=variants).searched.edges == ()
    assert len(table(place, **changes, variants={**variants, "best": {}}).searched.edges) == 1


def test_settings_searched_on_other_data_count_only_where_the_data_are_not_here(place):
    settle(place, 0.2)
    prepared.prepare(place / "data", items=4)
    with pytest.raises(CtrbenchError, match="the settings of toy net plain were searched on other data"):
        table(place, search=SEARCH, methods=["plain"])
    shutil.rmtree(place / "data")
    assert len(table(place, search=SEARCH, methods=["plain"]).missing) == 2


@pytest.mark.parametrize(
    "changes", [{"variants": {"a": {"method.wieght": 1}}}, {"datasets": {"toy": {"method.wieght": 1}}}]
)
def test_misspelt_settings_are_refused(place, changes):
    with pytest.raises(CtrbenchError, match=r"unknown setting 'method\.wieght'; did you mean method\.weight"):
        table(place, **changes)


def test_facts_alone(place):
    manifest = prepared.manifest()
    store = Store.of(place / "results")
    assert select_data(recipe(), place / "results", place / "data").missing == ("toy",)
    store.archive.add(facts=[records.facts(manifest), records.facts(prepared.manifest(items=9))])
    found = select_data(recipe(datasets=["toy", "other"]), place / "results", place / "data")
    assert [facts.key for facts in found.facts] == [(manifest.fingerprint, manifest.measuring_fingerprint)]
    assert (found.rows, found.missing) == ((), ("other",))


def test_facts_of_data_that_are_not_here_are_those_of_most_jobs(tmp_path, store):
    versions = [prepared.manifest(items=items) for items in (3, 9)]
    store.archive.add(facts=[records.facts(each) for each in versions])
    for many, few in (versions, versions[::-1]):
        file(store, manifest=few, seeds=range(1))
        file(store, manifest=many, seeds=range(3))
        (found,) = select_data(recipe(), tmp_path / "results", tmp_path / "data").facts
        assert found.fingerprint == many.fingerprint
        store.archive.clear()
        store.archive.add(facts=[records.facts(each) for each in versions])
