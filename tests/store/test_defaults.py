"""The golden file of defaults, and what adding or changing a default does to identities."""

import json

import pytest
from pydantic import Field, create_model

from ctrbench.backbones import BACKBONES
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods import METHODS
from ctrbench.planning import settings as planning_settings
from ctrbench.planning.settings import build_config, full_settings
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.store import defaults as module
from ctrbench.store.defaults import (
    PATH,
    Defaults,
    changed_defaults,
    current_defaults,
    defaults_of,
    shipped_defaults,
    write_golden,
)
from ctrbench.store.identity import ALGORITHM_VERSION
from ctrbench.training.settings import TrainingSettings

RECIPE = Recipe.read(
    {
        "name": "mine",
        "title": "t",
        "datasets": ["toy"],
        "backbones": {"din": {"dropout": 0.5}},
        "methods": {"plain": {}, "aqcl": {"weight": 0.3}},
        "data": {"history_length": 7},
        "training": {"epochs": 3, "batch_size": 1024},
    },
    "mine",
)
ROW = RowKey("toy", "din", "aqcl")
CLASSES = {
    "data": DataSettings,
    "training": TrainingSettings,
    "backbone": BACKBONES.get("din").Settings,
    "method": METHODS.get("aqcl").Settings,
}


def identity(defaults):
    return build_config(RECIPE, ROW, 0, {}, defaults).identity("f" * 64)


def with_field(section, default):
    """The settings class of a section with one more field, and the defaults with it."""
    larger = create_model("Larger", __base__=CLASSES[section], brand_new=(type(default), Field(default)))
    document = shipped_defaults().model_dump()
    own = {"data": document["data"], "training": document["training"]}
    own |= {"backbone": document["backbones"]["din"], "method": document["methods"]["aqcl"]}
    own[section].update(defaults_of(larger))
    return larger, Defaults(**document)


def test_the_golden_file_is_what_the_classes_say():
    """Run ``python -m ctrbench.store.defaults`` after a setting was added; read what it says after one was changed."""
    assert json.loads(PATH.read_text()) == current_defaults(BACKBONES, METHODS).model_dump(mode="json")
    assert shipped_defaults().algorithm_version == ALGORITHM_VERSION


@pytest.mark.parametrize("section", CLASSES)
@pytest.mark.parametrize("default", [1, 0.0, "x", True, ()])
def test_a_new_setting_with_a_default_changes_no_identity(monkeypatch, section, default):
    before = identity(shipped_defaults())
    larger, defaults = with_field(section, default)
    if section in planning_settings.MODELS:
        monkeypatch.setitem(planning_settings.MODELS, section, larger)
        # Even before the golden file knows it.
        assert identity(shipped_defaults()) == before
    assert identity(defaults) == before
    config = build_config(RECIPE, ROW, 0, {}, defaults)
    assert full_settings(config, defaults)[section]["brand_new"] == defaults_of(larger)["brand_new"]


def test_a_new_setting_that_is_set_changes_the_identity():
    _, defaults = with_field("method", 1)
    recipe = RECIPE.model_copy(update={"overrides": {"method.brand_new": 2}})
    assert build_config(recipe, ROW, 0, {}, defaults).identity("f" * 64) != identity(defaults)
    same = RECIPE.model_copy(update={"overrides": {"method.brand_new": 1.0}})
    assert build_config(same, ROW, 0, {}, defaults).identity("f" * 64) == identity(defaults)


def test_a_new_component_and_a_new_setting_are_no_changed_defaults():
    golden = shipped_defaults()
    assert changed_defaults(golden, golden) == []
    assert changed_defaults(golden, with_field("training", 1)[1]) == []
    assert changed_defaults(golden, golden.including("method", "new", {"weight": 1})) == []


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda d: d["training"].update(penalty=0.1), "training.penalty"),
        (lambda d: d["data"].update(history_length=49), "data.history_length"),
        (lambda d: d["methods"]["aqcl"].update(weight=0.1), "methods.aqcl.weight"),
        (lambda d: d["backbones"]["din"].update(hidden=[64, 128]), "backbones.din.hidden"),
        (lambda d: d["training"].update(penalty=False), "training.penalty"),
        (lambda d: d["training"].pop("patience"), "training.patience"),
        (lambda d: d["methods"].pop("icl"), "methods.icl.weight"),
    ],
)
def test_a_changed_default_needs_another_algorithm_version(tmp_path, change, path):
    golden = shipped_defaults()
    document = golden.model_dump()
    change(document)
    changed = Defaults(**document)
    assert path in changed_defaults(golden, changed)
    file = tmp_path / "defaults.json"
    file.write_text("as it was")
    with pytest.raises(CtrbenchError, match=f"{path}.*count up ALGORITHM_VERSION"):
        write_golden(golden, changed, file)
    assert file.read_text() == "as it was"
    counted_up = changed.model_copy(update={"algorithm_version": golden.algorithm_version + 1})
    write_golden(golden, counted_up, file)
    assert Defaults.model_validate_json(file.read_text()) == counted_up


def test_the_command_writes_the_file_that_is_shipped_and_refuses_a_changed_default(tmp_path, monkeypatch):
    file = tmp_path / "defaults.json"
    monkeypatch.setattr(module, "PATH", file)
    module.main()
    assert file.read_text() == PATH.read_text()
    document = json.loads(file.read_text())
    document["training"]["patience"] = 2
    file.write_text(json.dumps(document))
    with pytest.raises(SystemExit, match=r"^error: training\.patience: a changed default changes"):
        module.main()
    assert json.loads(file.read_text()) == document


def test_components_without_known_defaults():
    with pytest.raises(CtrbenchError, match="method 'mine': no defaults are known; install the package"):
        shipped_defaults().of("din", "mine")
    with pytest.raises(CtrbenchError, match="backbone 'mine': no defaults are known"):
        shipped_defaults().of("mine", "plain")
