"""Components from outside the package: their code is part of a job's identity."""

import sys

import pyarrow as pa
import pytest

from ctrbench.backbones import BACKBONES
from ctrbench.errors import CtrbenchError
from ctrbench.methods import METHODS
from ctrbench.metrics import METRICS
from ctrbench.planning.plan import make_plan
from ctrbench.planning.registries import REGISTRIES, Registries
from ctrbench.planning.search_basis import basis
from ctrbench.planning.status import status
from ctrbench.recipe.row_key import RowKey
from ctrbench.registry import Registry
from ctrbench.report.select import select_rows
from ctrbench.store.best_settings import BestSettings, SearchResult
from ctrbench.store.defaults import shipped_defaults
from ctrbench.store.store import Store
from tests.fakes import prepared, records
from tests.fakes.outside import METHOD, install
from tests.fakes.recipes import recipe

RECIPE = recipe(backbones=["din"], methods=["plain", "outside"], seeds=1, data={"minimum_history": 0})


@pytest.fixture(autouse=True)
def _forget_modules():
    yield
    for name in ("outside_module", "outside_base", "outside_inner"):
        sys.modules.pop(name, None)


def fresh():
    """Registries as a new process has them."""
    return Registries(
        Registry("backbone", BACKBONES._builtin, base="ctrbench.backbones.base:Backbone"),
        Registry("method", METHODS._builtin, base="ctrbench.methods.base:Method"),
    )


def jobs(place):
    """Method -> its job."""
    return {job.config.method: job for job in make_plan(RECIPE, data=place, registries=fresh()).jobs}


@pytest.fixture
def place(tmp_path):
    prepared.prepare(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def packages(tmp_path):
    return tmp_path / "packages"


def test_a_record_names_distribution_digest_and_defaults(place, packages, monkeypatch):
    install(packages, monkeypatch, version="2.3")
    found = jobs(place)
    assert found["plain"].plugins == ()
    (plugin,) = found["outside"].plugins
    assert (plugin.kind, plugin.name, plugin.distribution) == ("method", "outside", "outside-package 2.3")
    assert plugin.defaults == {"weight": 0.5}
    assert len(plugin.digest) == 64
    made = records.record(found["outside"].config, prepared.manifest(), plugins=found["outside"].plugins)
    assert made.identity == found["outside"].identity
    assert made.plugins == (plugin,)


@pytest.mark.parametrize(
    "change",
    [
        {"source": METHOD + "\n# mended\n"},
        {"source": METHOD.replace("0.5", "0.25")},
        {"version": "1.1"},
        {"distribution": "outside-fork"},
    ],
)
def test_changed_code_is_another_identity_and_the_old_record_is_stale(tmp_path, place, packages, monkeypatch, change):
    install(packages, monkeypatch)
    before = jobs(place)
    store = Store.of(tmp_path / "results")
    manifest = prepared.manifest()
    for job in before.values():
        entry = records.entry(job.config, manifest, plugins=job.plugins)
        store.work.write(entry.record, entry.facts, pa.table({"row": [0]}), None)
    standing = status(make_plan(RECIPE, data=place, registries=fresh()), store)
    assert (len(standing.done), standing.left, standing.stale) == (2, [], 0)

    for old in packages.glob("*.dist-info"):
        for file in old.iterdir():
            file.unlink()
        old.rmdir()
    install(packages / "again", monkeypatch, **change)
    after = jobs(place)
    assert after["plain"].identity == before["plain"].identity
    assert after["outside"].identity != before["outside"].identity
    standing = status(make_plan(RECIPE, data=place, registries=fresh()), store)
    assert [job.config.method for job in standing.done] == ["plain"]
    assert [job.config.method for job in standing.left] == ["outside"]
    assert standing.stale == 1


BOTTOM = """
from ctrbench.backbones.din import DIN
class Deep(DIN):
    paper = source = "none"
"""
METRIC = """
from ctrbench.metrics.auc import AUC
class Own(AUC):
    name = label = "own"
"""


@pytest.mark.parametrize(
    ("kind", "source", "settings"),
    [
        ("backbone", BOTTOM, {"backbones": {"shared-bottom": {"bottom": "inner"}}}),
        ("metric", METRIC, {"backbones": ["din"], "training": {"watch": "click.inner"}}),
    ],
)
def test_code_that_a_setting_names_is_part_of_the_identity(tmp_path, place, monkeypatch, *, kind, source, settings):
    """The bottom of a shared bottom, and the metric that stops training."""
    target = f"outside_inner:{'Deep' if kind == 'backbone' else 'Own'}"
    monkeypatch.setattr(BACKBONES, "_loaded", dict(BACKBONES._loaded))
    monkeypatch.setattr(METRICS, "_loaded", dict(METRICS._loaded))
    naming = recipe(methods=["plain"], seeds=1, data={"minimum_history": 0}, **settings)
    store = Store.of(tmp_path / "results")

    def job(source, folder):
        sys.modules.pop("outside_inner", None)
        BACKBONES._loaded.pop("inner", None)
        METRICS._loaded.pop("inner", None)
        install(folder, monkeypatch, kind=kind, name="inner", source=source, target=target)
        (found,) = make_plan(naming, data=place, registries=fresh()).jobs
        return found

    before = job(source, tmp_path / "packages")
    assert [(plugin.kind, plugin.name) for plugin in before.plugins] == [(kind, "inner")]
    entry = records.entry(before.config, prepared.manifest(), plugins=before.plugins)
    assert entry.record.identity == before.identity
    store.work.write(entry.record, entry.facts, pa.table({"row": [0]}), None)
    shown = select_rows(naming, tmp_path / "results", place, fresh())
    assert [row.record.identity for row in shown.rows] == [before.identity]

    after = job(source + "\n# mended\n", tmp_path / "packages")
    assert after.identity != before.identity
    standing = status(make_plan(naming, data=place, registries=fresh()), store)
    assert (standing.done, standing.stale) == ([], 1)
    with pytest.raises(CtrbenchError, match="its 1 finished job is stale"):
        select_rows(naming, tmp_path / "results", place, fresh())

    # Where it is not installed, the report has the record that there is.
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(tmp_path / "packages")])
    BACKBONES._loaded.pop("inner", None)
    METRICS._loaded.pop("inner", None)
    shown = select_rows(naming, tmp_path / "results", place, fresh())
    assert [row.record.identity for row in shown.rows] == [before.identity]


def test_settings_searched_with_older_code_do_not_count(tmp_path, place, packages, monkeypatch):
    search = {"trials": 1, "space": {"training.penalty": {"choices": [0.1]}}}
    searched = recipe(backbones=["din"], methods=["outside"], base="outside", seeds=1, search=search)
    row = RowKey("toy", "din", "outside")

    def own_basis():
        registries = fresh()
        return basis(searched, row, registries.defaults(), registries.plugins(row))

    install(packages, monkeypatch)
    result = SearchResult(
        **row.names,
        settings={"training.penalty": 0.1},
        objective="logloss",
        value=0.5,
        basis=own_basis(),
        fingerprint=prepared.manifest().fingerprint,
        trials=(),
    )
    best = BestSettings(results=(result,))
    assert len(make_plan(searched, data=place, best=best, registries=fresh()).jobs) == 1
    install(packages / "again", monkeypatch, source=METHOD + "\n# mended\n", version="1.0.1")
    with pytest.raises(CtrbenchError, match="searched with another recipe or another version of the algorithm"):
        make_plan(searched, data=place, best=best, registries=fresh())
    builtin = RowKey("toy", "din", "plain")
    assert basis(searched, builtin, shipped_defaults(), fresh().plugins(builtin)) == basis(
        searched, builtin, shipped_defaults()
    )


def test_the_same_code_is_the_same_identity(place, packages, monkeypatch):
    install(packages, monkeypatch)
    before = jobs(place)["outside"].identity
    install(packages / "elsewhere", monkeypatch)
    assert jobs(place)["outside"].identity == before


def test_a_base_class_of_the_same_package_counts(tmp_path, place, packages, monkeypatch):
    package = packages / "outside_pkg"
    found = []
    for body in ("A = 1", "A = 2"):
        for name in [name for name in sys.modules if name.partition(".")[0] == "outside_pkg"]:
            del sys.modules[name]
        install(packages, monkeypatch, target="outside_module:Outside")
        package.mkdir(exist_ok=True)
        (package / "__init__.py").write_text("")
        (package / "base.py").write_text(METHOD + body)
        (package / "method.py").write_text("from outside_pkg.base import Outside as Base\nclass Outside(Base): pass\n")
        info = next(packages.glob("*.dist-info"))
        (info / "entry_points.txt").write_text("[ctrbench.methods]\noutside = outside_pkg.method:Outside\n")
        found.append(jobs(place)["outside"].identity)
    assert len(set(found)) == 2


def test_a_component_that_is_registered_in_code_counts_by_its_module(place, monkeypatch):
    registries = fresh()
    scope = {"__name__": "no_module"}
    exec(METHOD, scope)
    registries.methods.register("outside")(scope["Outside"])
    (job,) = [j for j in make_plan(RECIPE, data=place, registries=registries).jobs if j.config.method == "outside"]
    (plugin,) = job.plugins
    assert plugin.distribution is None
    assert len(plugin.digest) == 64


def test_builtin_components_are_no_plugins():
    for backbone in BACKBONES.builtin():
        for method in METHODS.builtin():
            assert REGISTRIES.plugins(records.config(method, backbone=backbone)) == ()


def test_a_broken_plugin_does_not_disturb_who_does_not_use_it(place, packages, monkeypatch):
    install(packages, monkeypatch, source="import no_such_thing")
    builtin_only = recipe(backbones=["din"], methods=["plain"], seeds=1, data={"minimum_history": 0})
    assert len(make_plan(builtin_only, data=place, registries=fresh()).jobs) == 1
    assert fresh().defaults() == shipped_defaults()
    with pytest.raises(CtrbenchError, match=r"method 'outside': the entry point .* mend or uninstall that package"):
        jobs(place)
