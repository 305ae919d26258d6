import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.plan import Cell, make_plan
from tests.experiments import fakes


def plan(place, **changes):
    return make_plan(fakes.recipe(**changes), data=place / "data", catalogue=fakes.catalogue())


def one(place, method="weighted", **changes):
    return next(run for run in plan(place, **changes).runs if run.config.method == method)


def test_seeds_go_side_by_side_over_the_matrix(place):
    runs = plan(place, backbones=["net", "deep"]).runs
    assert [(run.config.seed, run.config.backbone, run.config.method) for run in runs] == [
        (seed, backbone, method) for seed in (0, 1) for backbone in ("net", "deep") for method in ("plain", "weighted")
    ]
    assert len({run.identity for run in runs}) == 8


def test_all_stands_for_every_name_and_refused_pairs_give_their_reason(place):
    fakes.prepare(place / "data", "other")
    found = plan(place, datasets=["all"], backbones=["all"], methods=["all"], seeds=1)
    assert len(found.runs) == 2 * (2 * 4 - 1)
    assert found.refused == {Cell(name, "deep", "picky"): "it wants a history" for name in ("toy", "other")}


def test_nothing_but_refused_pairs(place):
    with pytest.raises(CtrbenchError, match="nothing to run; toy deep picky: it wants a history"):
        plan(place, backbones=["deep"], methods=["picky"], base="picky")


@pytest.mark.parametrize("changes", [{"data": {"fields": ["item"]}}, {"overrides": {"data.fields": ["item"]}}])
def test_a_method_may_refuse_the_fields(place, changes):
    found = plan(place, methods=["plain", "picky"], seeds=1, **changes)
    assert [run.config.method for run in found.runs] == ["plain"]
    assert found.refused == {Cell("toy", "net", "picky"): "it wants the user"}


def test_every_setting_is_resolved(place):
    config = one(place).config
    assert config.backbone_settings == {"hidden": [8, 4], "dropout": 0.2}
    assert config.method_settings == {"weight": 0.05}
    assert config.training.epochs == 4
    assert config.data.history_length == 50


def test_settings_of_recipe_and_overrides(place):
    changed = one(
        place,
        methods={"plain": {}, "weighted": {"weight": 0.2}},
        training={"epochs": 2, "batch_size": 16},
        overrides={"training.batch_size": 32, "backbones.net.hidden": [64, 32], "backbone.dropout": 0.0},
    ).config
    assert changed.method_settings == {"weight": 0.2}
    assert (changed.training.epochs, changed.training.batch_size) == (2, 32)
    assert changed.backbone_settings == {"hidden": [64, 32], "dropout": 0.0}


def test_a_short_path_reaches_every_method_that_has_it_and_no_other(place):
    changed = plan(place, overrides={"method.weight": 0.5})
    assert {run.config.method: run.config.method_settings for run in changed.runs} == {
        "plain": {},
        "weighted": {"weight": 0.5},
    }
    named = one(place, overrides={"methods.weighted.weight": 0.5})
    assert named.config.method_settings == {"weight": 0.5}


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
        ({"data": {"label": "conversion"}}, "toy: unknown label 'conversion'; known: click"),
        ({"overrides": {"data.label": "user"}}, "toy: unknown label 'user'; known: click"),
        ({"overrides": {"data.fields": ["item", "brand"]}}, "toy: no field 'brand'; it has user, item"),
        ({"data": {"fields": ["user"]}}, "data.fields: name 'item'"),
        ({"search": {"trials": 1, "space": {"method.wieght": {"choices": [1]}}}}, "did you mean method.weight"),
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
    fakes.prepare(place / "data", items=4)
    assert one(place).identity != before


def test_a_recipe_with_a_search_wants_it_made(place):
    search = {"trials": 1, "space": {"training.penalty": {"choices": [0.1]}}}
    with pytest.raises(
        CtrbenchError, match="no settings were searched for toy net plain; run: ctrbench search toy-table"
    ):
        plan(place, search=search)
