"""What changes a job's identity, and what must not."""

import copy
from pathlib import Path

import pytest

from ctrbench.errors import CtrbenchError
from ctrbench.store.archive import Archive
from ctrbench.store.defaults import shipped_defaults
from ctrbench.store.identity import JobConfig, Plugin, canonical, differing
from tests.fakes.records import config

ARCHIVE = Archive(Path(__file__).parents[2] / "results" / "records")
DEFAULTS = {
    "data": {"fields": ["user", "item"]},
    "training": {"penalty": 0.0, "epochs": 30},
    "backbone": {},
    "method": {},
}


def identity(**settings):
    """Of a job with settings, by section."""
    return config(settings=differing(settings, DEFAULTS)).identity("f" * 64)


def test_equal_settings_have_one_identity_however_they_are_written():
    assert identity(training={"penalty": 1}) == identity(training={"penalty": 1.0})
    assert identity(data={"fields": ("a", "b")}) == identity(data={"fields": ["a", "b"]})
    assert identity(method={"hidden": (8.0, 4)}) == identity(method={"hidden": [8, 4.0]})
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2.0}, "a": 1}
    assert identity(method=one) == identity(method=other)


def test_defaults_take_no_part():
    assert identity() == identity(training={"penalty": 0, "epochs": 30.0}, data={"fields": ("user", "item")})
    assert differing({"training": {"penalty": 0.0, "epochs": 2}}, DEFAULTS) == {"training": {"epochs": 2}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"training": {"penalty": 0.1, "epochs": 2}}, {"training": {"penalty": 2, "epochs": 0.1}}),
        ({"data": {"fields": ["item", "user"]}}, {"data": {"fields": ["user", "item"]}}),
        ({"method": {"weight": True}}, {"method": {"weight": 1}}),
        ({"method": {"weight": False}}, {"method": {"weight": 0}}),
        ({"method": {"weight": 1}}, {"method": {"weight": "1"}}),
        ({"method": {"weight": 1}}, {"method": {"weight": [1]}}),
        ({"method": {"weight": None}}, {"method": {}}),
        ({"method": {"size": 1}}, {"backbone": {"size": 1}}),
        ({"method": {"weight": 0.1}}, {"method": {"weight": 0.1 + 2**-56}}),
        ({"training": {"penalty": False}}, {"training": {"penalty": 0}}),
    ],
)
def test_another_value_is_another_identity(one, other):
    assert identity(**one) != identity(**other)


def test_every_field_of_a_job_takes_part():
    job = config()
    changed = [
        {"dataset": "other"},
        {"backbone": "deep"},
        {"method": "weighted"},
        {"seed": 1},
        {"settings": {"training": {"epochs": 2}}},
        {"judged_on": "search_holdout"},
        {"representations": 3},
        {"attention_rows": 3},
    ]
    assert {name for change in changed for name in change} == set(JobConfig.model_fields)
    identities = [job.model_copy(update=change).identity("f" * 64) for change in changed]
    identities += [job.identity("f" * 64), job.identity("e" * 64), job.identity("f" * 64, version=1)]
    assert len(set(identities)) == len(identities)


def test_a_plugins_code_takes_part_and_an_empty_list_of_plugins_does_not():
    plugin = Plugin(kind="method", name="x", distribution="pkg 1.0", digest="0" * 64, defaults={"weight": 0.1})
    changes = [
        {"distribution": "pkg 1.1"},
        {"distribution": None},
        {"digest": "1" * 64},
        {"defaults": {"weight": 0.2}},
        {"kind": "backbone"},
    ]
    plugins = [(), (plugin,), (plugin, plugin), *((plugin.model_copy(update=change),) for change in changes)]
    identities = {config("x").identity("f" * 64, own) for own in plugins}
    assert len(identities) == len(plugins)
    assert config("x").identity("f" * 64, []) == config("x").identity("f" * 64)


def test_canonical_form_is_not_the_argument_itself():
    given = {"a": [1.0, (2.5, True)], "b": {"c": 0.0}}
    before = copy.deepcopy(given)
    assert canonical(given) == {"a": [1, [2.5, True]], "b": {"c": 0}}
    assert [type(each) for each in canonical(given)["a"]] == [int, list]
    assert given == before


def test_every_archived_record_is_what_its_identity_stands_for():
    records = list(ARCHIVE.all_records())
    assert len(records) >= 52
    assert len({record.identity for record in records}) == len(records)
    assert [record for record in records if record.own_identity() != record.identity] == []
    # Read from disk, without what read_file itself compares.
    changed = records[0].model_copy(update={"seed": records[0].seed + 1})
    assert changed.own_identity() != changed.identity


def test_archived_settings_are_canonical_and_differ_from_the_defaults():
    defaults = shipped_defaults()
    for record in ARCHIVE.all_records():
        assert record.settings == canonical(record.settings)
        assert record.settings == differing(record.settings, defaults.of(record.backbone, record.method))


@pytest.mark.parametrize("name", ["x/../../ESCAPED", "n" * 300, ""])
def test_names_of_a_job(name):
    for kind in ("dataset", "backbone", "method"):
        with pytest.raises(CtrbenchError, match=f"job: {kind}: "):
            JobConfig.read({**config().model_dump(), kind: name}, "job")
