import datetime

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.planning.plan import make_plan
from ctrbench.planning.search_basis import basis
from ctrbench.planning.settings import build_config, full_settings
from ctrbench.recipe.cohort_file import FoundCohort, FoundCohorts, FoundPair
from ctrbench.recipe.row_key import RowKey
from ctrbench.store.defaults import shipped_defaults
from tests.fakes import prepared
from tests.fakes.recipes import recipe
from tests.fakes.registries import Weighted, registries

DEFAULTS = registries().defaults()


@pytest.fixture
def place(tmp_path):
    """A folder with ``data/toy`` prepared."""
    prepared.prepare(tmp_path / "data")
    return tmp_path


def plan(place, **changes):
    return make_plan(recipe(**changes), data=place / "data", registries=registries())


def one(place, method="weighted", **changes):
    return next(job for job in plan(place, **changes).jobs if job.config.method == method)


def settings(job, section):
    """Every setting of a section of a job, defaults included."""
    return full_settings(job.config, DEFAULTS)[section]


def methods_settings(found):
    return {job.config.method: settings(job, "method") for job in found.jobs}


def test_a_method_may_have_more_seeds_on_a_dataset(place):
    found = plan(place, seeds=1, seeds_on={"toy": {"weighted": 3}, "absent": {"plain": 9}})
    assert [(job.row.method, job.config.seed) for job in found.jobs] == [
        *(("plain", 0), ("weighted", 0), ("weighted", 1), ("weighted", 2))
    ]


def test_seeds_go_side_by_side_over_the_matrix(place):
    jobs = plan(place, backbones=["net", "deep"]).jobs
    assert [(job.config.seed, job.config.backbone, job.config.method) for job in jobs] == [
        (seed, backbone, method) for seed in (0, 1) for backbone in ("net", "deep") for method in ("plain", "weighted")
    ]
    assert len({job.identity for job in jobs}) == 8


@pytest.fixture
def worlds(place):
    """Three worlds of ``sim``."""
    for seed, name in enumerate(("sim", "sim@seed=1", "sim@seed=2")):
        prepared.prepare(place / "data", name, synthetic=True, items=3 + seed)
    return {"datasets": ["sim"], "worlds": True, "seeds": 3}


def test_every_seed_has_a_world_of_its_own_and_the_row_of_the_first(place, worlds):
    found = plan(place, **worlds)
    assert [(job.config.seed, job.config.dataset) for job in found.jobs if job.row.method == "plain"] == [
        (0, "sim"),
        (1, "sim@seed=1"),
        (2, "sim@seed=2"),
    ]
    assert {job.row.dataset for job in found.jobs} == {"sim"}
    assert list(found.manifests) == ["sim", "sim@seed=1", "sim@seed=2"]
    # The first world's job is the one that a recipe without worlds has.
    assert found.jobs[0].identity == plan(place, datasets=["sim"], seeds=1).jobs[0].identity
    shared = plan(place, datasets=["sim"]).jobs
    assert {job.config.dataset for job in shared} == {"sim"}


def test_settings_of_a_dataset_hold_in_all_of_its_worlds(place, worlds):
    found = plan(place, **worlds | {"datasets": {"sim": {"training.epochs": 7}}})
    assert {job.config.training.epochs for job in found.jobs} == {7}


def test_a_trial_is_judged_in_the_first_world_whatever_its_seed(worlds):
    row = RowKey("sim", "net", "plain")
    trial = build_config(recipe(**worlds), row, 1001, {}, DEFAULTS, judged_on="search_holdout")
    assert trial.dataset == "sim"


def test_cohorts_hold_in_every_world_though_they_were_found_in_the_first(worlds):
    row, defaults = RowKey("sim", "din", "c2al"), shipped_defaults()
    head, tail = (FoundCohort(name=name, rule=(f"age = {name}",), share=0.1, positive_ratio=0.1) for name in "ab")
    pair = FoundPair(pair="divergent", head=head, tail=tail, divergence=0.1, found_on="0" * 64)
    found = FoundCohorts(dataset="sim", axis="age", divergence="js", head_is="later", pairs=(pair,))
    chosen = {"backbones": ["din"], "methods": {"plain": {}, "c2al": {"axis": "age"}}, "cohorts": [found]}
    first, second = (build_config(recipe(**worlds | chosen), row, seed, {}, defaults) for seed in (0, 1))
    own = {"axis": "age", "head": ["age = a"], "tail": ["age = b"]}
    assert first.settings["method"] == own | {"found_on": "0" * 64}
    assert second.settings["method"] == own


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"synthetic": False}, "toy-table: worlds = true needs simulated data, and sim is real"),
        ({"items": 4}, "sim and sim@seed=1 hold the same data; prepare sim with seed 0: ctrbench prepare sim --seed 0"),
    ],
)
def test_data_that_have_no_other_worlds(place, worlds, changed, message):
    prepared.prepare(place / "data", "sim", **{"synthetic": True} | changed)
    with pytest.raises(CtrbenchError, match=message):
        plan(place, **worlds)


def test_more_seeds_of_one_method_are_more_worlds(place, worlds):
    found = plan(place, **worlds | {"methods": ["all"], "seeds": 1, "seeds_on": {"sim": {"weighted": 3}}})
    assert [job.config.dataset for job in found.jobs if job.row.method == "weighted"] == [
        *("sim", "sim@seed=1", "sim@seed=2")
    ]


def test_a_world_that_is_not_prepared(place, worlds):
    with pytest.raises(CtrbenchError, match="sim@seed=3: not prepared"):
        plan(place, **worlds | {"seeds": 4})


@pytest.mark.parametrize("name", ["all", "sim@seed=2"])
def test_worlds_need_the_name_of_the_first(name):
    with pytest.raises(CtrbenchError, match="worlds gives every seed a dataset of its own"):
        recipe(datasets=[name], worlds=True)


def test_all_stands_for_every_name_and_refused_pairs_give_their_reason(place):
    prepared.prepare(place / "data", "other")
    found = plan(place, datasets=["all"], backbones=["all"], methods=["all"], seeds=1)
    assert len(found.jobs) == 2 * (2 * 4 - 1)
    assert found.refused == {RowKey(name, "deep", "picky"): "it wants a history" for name in ("toy", "other")}


def test_nothing_but_refused_pairs(place):
    with pytest.raises(CtrbenchError, match="nothing to run; toy deep picky: it wants a history"):
        plan(place, backbones=["deep"], methods=["picky"], base="picky")


@pytest.mark.parametrize("changes", [{"data": {"fields": ["item"]}}, {"overrides": {"data.fields": ["item"]}}])
def test_a_method_may_refuse_the_fields(place, changes):
    found = plan(place, methods=["plain", "picky"], seeds=1, **changes)
    assert [job.config.method for job in found.jobs] == ["plain"]
    assert found.refused == {RowKey("toy", "net", "picky"): "it wants the user"}


def test_a_run_of_too_few_epochs_for_its_method_is_refused(place, monkeypatch):
    monkeypatch.setattr(Weighted, "least_epochs", lambda settings: 5)
    found = plan(place, seeds=1, variants={"short": {"training.epochs": 4}, "long": {"training.epochs": 5}})
    reason = "with its settings it needs training.epochs of at least 5, and has 4"
    assert found.refused == {RowKey("toy", "net", "weighted", "short"): reason}
    assert [job.row.variant for job in found.jobs if job.row.method == "weighted"] == ["long"]


def test_every_setting_is_resolved(place):
    job = one(place)
    assert settings(job, "backbone") == {"hidden": [8, 4], "dropout": 0.2}
    assert settings(job, "method") == {"weight": 0.05}
    assert job.config.training.epochs == settings(job, "training")["epochs"] == 4
    assert job.config.data.history_length == settings(job, "data")["history_length"] == 50
    assert job.config.settings == {"training": {"epochs": 4}}


def test_settings_of_recipe_and_overrides(place):
    changed = one(
        place,
        methods={"plain": {}, "weighted": {"weight": 0.2}},
        training={"epochs": 2, "batch_size": 16},
        overrides={"training.batch_size": 32, "backbones.net.hidden": [64, 32], "backbone.dropout": 0.0},
    )
    assert settings(changed, "method") == {"weight": 0.2}
    assert (changed.config.training.epochs, changed.config.training.batch_size) == (2, 32)
    assert settings(changed, "backbone") == {"hidden": [64, 32], "dropout": 0.0}


def test_a_short_path_reaches_every_method_that_has_it_and_no_other(place):
    changed = plan(place, overrides={"method.weight": 0.5})
    assert methods_settings(changed) == {"plain": {}, "weighted": {"weight": 0.5}}
    named = one(place, overrides={"methods.weighted.weight": 0.5})
    assert settings(named, "method") == {"weight": 0.5}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ["plain", "wieghted"]}, "unknown method 'wieghted'; did you mean weighted"),
        ({"backbones": ["nett"]}, "unknown backbone 'nett'; did you mean net"),
        ({"datasets": ["tyo"]}, "unknown dataset 'tyo'; did you mean toy"),
        ({"training": {"bach_size": 1}}, "toy-table: training: unknown key 'bach_size'; did you mean batch_size"),
        ({"backbones": {"net": {"hiden": [1]}}}, "toy-table: backbones.net: unknown key 'hiden'; did you mean hidden"),
        (
            {"overrides": {"training.bach_size": 1}},
            "unknown setting 'training.bach_size'; did you mean training.batch_size",
        ),
        ({"overrides": {"method.wieght": 1}}, "unknown setting 'method.wieght'; did you mean method.weight"),
        ({"overrides": {"methods.plain.weight": 1}}, "unknown setting 'methods.plain.weight'"),
        ({"overrides": {"training.batch_size": "big"}}, "training: batch_size: input should be a valid integer"),
        ({"overrides": {"method.weight": -1}}, "methods.weighted: weight: input should be greater than 0"),
        ({"data": {"tasks": ["conversion"]}}, "toy: unknown label 'conversion'; known: click"),
        ({"overrides": {"data.tasks": ["user"]}}, "toy: unknown label 'user'; known: click"),
        ({"overrides": {"data.fields": ["item", "brand"]}}, "toy: no field 'brand'; it has user, item"),
        ({"data": {"fields": ["user"]}}, "data.fields: name 'item'"),
        (
            {"variants": {"a": {}, "b": {"training.bach_size": 1}}},
            "unknown setting 'training.bach_size'; did you mean training.batch_size?",
        ),
        ({"variants": {"a": {"methods.wieghted.weight": 1}}}, "did you mean methods.weighted.weight?"),
        ({"variants": {"a": {"method.weight": -1}}}, "methods.weighted: weight: input should be greater than 0"),
        ({"variants": {"a": {"data.fields": ["item", "brand"]}}}, "toy: no field 'brand'; it has user, item"),
        ({"datasets": {"toy": {"data.feilds": 1}}}, "unknown setting 'data.feilds'; did you mean data.fields?"),
        ({"datasets": {"tyo": {"data.fields": ["item"]}}}, "unknown dataset 'tyo'; did you mean toy?"),
        (
            {"variants": {"a": {"datasets.tyo.training.epochs": 1}}},
            "unknown setting 'datasets.tyo.training.epochs'; did you mean datasets.toy.training.epochs?",
        ),
        (
            {"overrides": {"datasets.toy.training.epoch": 1}},
            "unknown setting 'datasets.toy.training.epoch'; did you mean datasets.toy.training.epochs?",
        ),
        (
            {"overrides": {"datasets.toy.methods.plain.weight": 1}},
            "unknown setting 'datasets.toy.methods.plain.weight'",
        ),
        ({"search": {"trials": 1, "space": {"method.wieght": {"choices": [1]}}}}, "did you mean method.weight"),
        ({"metrics": ["auc", "acu"]}, "unknown metric 'acu'; did you mean auc?"),
        ({"views": [{"kind": "levels", "metric": "acu"}]}, "unknown metric 'acu'; did you mean auc?"),
        (
            {"views": [{"kind": "levels", "by": "activenes"}]},
            "column 'activenes': unknown column of toy 'activenes'; did you mean activeness?",
        ),
        ({"views": [{"kind": "levels", "by": "click_length/1000000000"}]}, "want 2 to 1,000"),
        ({"views": [{"kind": "levels", "task": "clik"}]}, "toy-table: view levels: unknown task 'clik'; did you mean"),
        ({"views": [{"kind": "levels", "by": "age*../../ESCAPED"}]}, "want NAME, NAME/BUCKETS or NAME*NAME"),
        ({"views": [{"kind": "levels", "by": "click_length/1000000000000000000000"}]}, "want NAME, NAME/BUCKETS"),
        ({"training": {"watch": "clik.auc"}}, "unknown task of training.watch 'clik'; did you mean click?"),
        ({"training": {"watch": "click.acu"}}, "unknown metric of training.watch 'acu'; did you mean auc?"),
        ({"training": {"balance": "ema"}}, "training.balance ema: weighs tasks against each other, and data.tasks has"),
        ({"training": {"balance": "nahs"}}, "'pcgrad', 'nash', 'imtl-g' or 'aligned-mtl' (got 'nahs')"),
        (
            {"training": {"watch": "real_auc"}},
            "training.watch real_auc: needs true probabilities, which no training may",
        ),
        (
            {"training": {"learning_rate": float("inf")}},
            "learning_rate = inf: want text, a finite number, true, false or a list",
        ),
        ({"overrides": {"method.weight": float("nan")}}, "toy-table: methods.weighted: weight = nan: want text"),
        (
            {"overrides": {"backbone.hidden": [datetime.date(2020, 1, 1)]}},
            "hidden = [datetime.date(2020, 1, 1)]: want text",
        ),
        ({"overrides": {"method.weight": True}}, "methods.weighted: weight: input should be a valid number (got True)"),
        ({"training": {"epochs": True}}, "training: epochs: input should be a valid integer (got True)"),
        ({"training": {"looks": "2"}}, "training: looks: input should be a valid integer (got '2')"),
        ({"training": {"embedding_l2": True}}, "training: embedding_l2: input should be a valid number (got True)"),
        ({"training": {"epochs": 10**12}}, "training: epochs: input should be less than or equal to 100000"),
        ({"data": {"negatives_per_positive": 10**6}}, "input should be less than or equal to 1000"),
        ({"data": {"tasks": ["x/../../ESCAPED"]}}, "toy: unknown label 'x/../../ESCAPED'; known: click"),
        ({"data": {"derived": {"x/../../E": ["click", "click"]}}}, "'x/../../E' is not a valid task name"),
    ],
)
def test_faults(place, changes, message):
    with pytest.raises(CtrbenchError) as error:
        plan(place, **changes)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_unprepared_data(tmp_path):
    with pytest.raises(CtrbenchError, match="no dataset is prepared here"):
        plan(tmp_path, datasets=["all"])
    with pytest.raises(CtrbenchError, match="amazon-beauty: not prepared; run: ctrbench prepare amazon-beauty"):
        plan(tmp_path, datasets=["amazon-beauty"])


def test_identity_changes_when_two_values_are_swapped(place):
    one_way = one(place, overrides={"backbone.hidden": [64, 32]})
    other_way = one(place, overrides={"backbone.hidden": [32, 64]})
    assert one_way.identity != other_way.identity
    swapped = [{"learning_rate": 0.1, "penalty": 0.2}, {"learning_rate": 0.2, "penalty": 0.1}]
    assert len({one(place, training=training).identity for training in swapped}) == 2


def test_identity_changes_with_the_data_and_only_with_them(place):
    before = one(place).identity
    assert one(place).identity == before
    prepared.prepare(place / "data", items=4)
    assert one(place).identity != before


def test_every_row_is_run_with_every_variant(place):
    variants = {"light": {"method.weight": 0.1, "training.epochs": 2}, "heavy": {"methods.weighted.weight": 0.9}}
    jobs = plan(place, variants=variants, seeds=1).jobs
    found = [(j.row.variant, j.row.method, j.config.training.epochs, settings(j, "method")) for j in jobs]
    assert found == [
        ("light", "plain", 2, {}),
        ("light", "weighted", 2, {"weight": 0.1}),
        ("heavy", "plain", 4, {}),
        ("heavy", "weighted", 4, {"weight": 0.9}),
    ]
    assert str(jobs[1].row) == "toy net weighted (light)"
    assert str(one(place).row) == "toy net weighted"


def test_methods_that_the_compared_variants_do_not_change_run_with_the_first(place):
    changes = {"variants": {"sum": {}, "long": {"training.epochs": 3}}, "against": "sum"}
    for varied, other in ((None, "plain"), ("plain", "weighted")):
        found = plan(place, **changes, varied=varied, seeds=1).jobs
        own = "weighted" if varied is None else varied
        assert sorted((job.row.variant, job.row.method) for job in found) == sorted(
            [("sum", other), ("sum", own), ("long", own)]
        )


def test_a_run_that_rows_share_is_planned_once(place):
    variants = {"light": {"method.weight": 0.1}, "heavy": {"method.weight": 0.9}, "as heavy": {"method.weight": 0.9}}
    jobs = plan(place, variants=variants).jobs
    assert [(job.row.variant, job.row.method, job.config.seed) for job in jobs] == [
        (variant, method, seed)
        for seed in (0, 1)
        for variant, method in (("light", "plain"), ("light", "weighted"), ("heavy", "weighted"))
    ]
    assert len({job.identity for job in jobs}) == 6
    # Those of a recipe without variants, with the same settings, are the very same.
    heavy = plan(place, methods={"plain": {}, "weighted": {"weight": 0.9}}).jobs
    assert {job.identity for job in heavy} < {job.identity for job in jobs}


def settled(dataset="toy", best=(), **changes):
    """Penalty of a row ``weighted (only)`` whose recipe says it in each of the given places."""
    chosen = recipe(training={"penalty": 0.1}, **changes)
    row = RowKey(dataset, "net", "weighted", "only")
    return build_config(chosen, row, 0, dict(best), DEFAULTS).training.penalty


def test_a_dataset_is_overruled_by_a_search_that_by_a_variant_and_that_by_hand():
    places = {
        "datasets": {"toy": {"training.penalty": 0.2}},
        "best": {"training.penalty": 0.3},
        "variants": {"only": {"training.penalty": 0.4}, "other": {"training.penalty": 0.9}},
        "overrides": {"training.penalty": 0.5},
    }
    chosen = {}
    assert settled() == 0.1
    for penalty, (name, value) in zip((0.2, 0.3, 0.4, 0.5), places.items(), strict=True):
        chosen[name] = value
        assert settled(**chosen) == penalty
        assert settled(**{name: value}) == penalty
    assert settled("elsewhere", datasets=places["datasets"]) == 0.1


def test_the_later_of_a_short_and_a_long_path_counts():
    for first, second in (("method.weight", "methods.weighted.weight"), ("methods.weighted.weight", "method.weight")):
        chosen = recipe(variants={"only": {first: 0.1, second: 0.2}})
        config = build_config(chosen, RowKey("toy", "net", "weighted", "only"), 0, {}, DEFAULTS)
        assert config.settings["method"] == {"weight": 0.2}


def test_a_path_may_be_of_one_dataset_alone(place):
    for name in ("other", "toy@ties=apart"):
        prepared.prepare(place / "data", name)
    variants = {"only": {"datasets.toy.training.epochs": 7, "datasets.other.methods.weighted.weight": 0.7}}
    names = ["toy", "other", "toy@ties=apart"]
    found = plan(place, datasets=names, variants=variants, overrides={"datasets.other.data.fields": ["item"]}, seeds=1)
    assert [(job.row.dataset, job.config.training.epochs, settings(job, "method")) for job in found.jobs] == [
        *(("toy", 7, {}), ("toy", 7, {"weight": 0.05})),
        *(("other", 4, {}), ("other", 4, {"weight": 0.7})),
        *(("toy@ties=apart", 7, {}), ("toy@ties=apart", 7, {"weight": 0.05})),
    ]
    assert {job.row.dataset: job.config.data.fields for job in found.jobs} == {
        "toy": ("user", "item"),
        "other": ("item",),
        "toy@ties=apart": ("user", "item"),
    }


def test_a_path_may_be_of_a_shipped_dataset_that_is_not_run(place):
    job = one(place, variants={"only": {"datasets.ta-feng.training.epochs": 7, "training.patience": 9}})
    assert (job.config.training.epochs, job.config.training.patience) == (4, 9)
    for path in (
        "datasets.ta-feng.training.epoch",
        "datasets.ta-feng.methods.plain.weight",
        "datasets.tafeng.data.tasks",
    ):
        with pytest.raises(CtrbenchError, match=f"unknown setting '{path}'"):
            one(place, variants={"only": {path: 1}})


def test_a_dataset_has_settings_of_its_own(place):
    prepared.prepare(place / "data", "other")
    found = plan(place, datasets={"toy": {"method.weight": 0.3}, "other": {}}, seeds=1)
    weights = {job.row.dataset: settings(job, "method") for job in found.jobs if job.row.method == "weighted"}
    assert weights == {"toy": {"weight": 0.3}, "other": {"weight": 0.05}}


def test_a_method_may_refuse_a_variant(place):
    variants = {"whole": {}, "bare": {"datasets.toy.data.fields": ["item"]}}
    found = plan(place, methods=["plain", "picky"], seeds=1, variants=variants)
    assert found.refused == {RowKey("toy", "net", "picky", "bare"): "it wants the user"}
    assert [(job.row.variant, job.row.method) for job in found.jobs] == [
        *(("whole", "plain"), ("whole", "picky"), ("bare", "plain"))
    ]


def test_a_changed_dataset_is_told_how_to_be_prepared(place):
    changed = "amazon-beauty@negatives.exponent=0.5"
    with pytest.raises(CtrbenchError, match=f"{changed}: not prepared; run: ctrbench prepare {changed}$"):
        plan(place, datasets=[changed])
    with pytest.raises(CtrbenchError, match="unknown dataset 'amazon-beuty@ties=apart'; did you mean amazon-beauty"):
        plan(place, datasets=["amazon-beuty@ties=apart"])


def test_attention_is_observed_in_test_runs(place):
    chosen, row = recipe(attention_rows=12), RowKey("toy", "net", "plain")
    judged = ("test", "search_holdout")
    assert [build_config(chosen, row, 0, {}, DEFAULTS, judged_on=on).attention_rows for on in judged] == [12, 0]
    assert one(place, attention_rows=12).identity != one(place).identity
    assert one(place, attention_rows=0).identity == one(place).identity


def test_representations_are_of_test_runs(place):
    chosen, row = recipe(representations=12), RowKey("toy", "net", "plain")
    judged = ("test", "search_holdout")
    assert [build_config(chosen, row, 0, {}, DEFAULTS, judged_on=on).representations for on in judged] == [12, 0]
    assert one(place, representations=12).identity != one(place).identity


def test_what_is_searched_depends_on_the_dataset_but_not_on_variants_or_what_is_set_by_hand():
    def of(effort=None, **changes):
        search = {"trials": 1, "space": {"training.penalty": {"choices": [0.1]}}} | (effort or {})
        return basis(recipe(search=search, **changes), RowKey("toy", "net", "weighted", "only"), DEFAULTS)

    assert of() == of(variants={"only": {"training.epochs": 1}}) == of(overrides={"training.epochs": 1})
    assert of() == of(representations=3) == of(datasets={"toy": {}, "other": {"training.epochs": 1}})
    assert of() != of(datasets={"toy": {"training.epochs": 1}})
    both = {"toy": {}, "other": {}}
    assert of() == of({"trials_on": {"other": 2}}, datasets=both)
    assert of() == of({"trials": 2, "trials_on": {"toy": 1}}) != of({"trials_on": {"toy": 2}})
    assert of() == of({"base_trials": 9})
    search = {"trials": 1, "base_trials": 9, "space": {"training.penalty": {"choices": [0.1]}}}
    of_base = [
        basis(recipe(search=each), RowKey("toy", "net", "plain"), DEFAULTS)
        for each in (search, {**search, "base_trials": 8})
    ]
    assert len(set(of_base)) == 2


def test_a_recipe_with_a_search_wants_it_made(place):
    search = {"trials": 1, "space": {"training.penalty": {"choices": [0.1]}}}
    with pytest.raises(
        CtrbenchError, match="no settings were searched for toy net plain; run: ctrbench search …/toy-table"
    ):
        plan(place, search=search)
