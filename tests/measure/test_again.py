"""A new cohort, cut or metric costs no training: stored predictions are measured again."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.measure.again import measure_again
from ctrbench.metrics import METRICS
from ctrbench.metrics.auc import AUC
from ctrbench.metrics.base import Metric
from ctrbench.metrics.sample import Sample
from ctrbench.prepare.card import Card
from ctrbench.prepare.stage import prepare
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
from ctrbench.store.verify import faults
from ctrbench.testing.data import card

BRAND = {"name": "brand_group", "source": "item", "column": "brand"}


class Brier(Metric):
    """Mean squared error."""

    name = "brier"
    label = "Brier"
    direction = "lower"
    needs_probabilities = True
    reading = "lower is better"

    @classmethod
    def by_group(cls, sample, codes, groups):
        squared = (sample.score - sample.label) ** 2
        return [float(squared[codes == group].mean()) if (codes == group).any() else None for group in range(groups)]


@pytest.fixture
def brier(monkeypatch):
    monkeypatch.setattr(METRICS, "_loaded", dict(METRICS._loaded))
    METRICS.register("brier")(Brier)


@pytest.fixture
def again(store, data):
    def measure(**arguments):
        records = [entry.record for entry in store.all_entries()]
        return measure_again(records, store=store, data=data, **arguments)

    return measure


def read(data):
    return Prepared.read(data / "small")


def changed_card(**changes):
    document = card("small").model_dump(mode="json", exclude_unset=True)
    return Card.read({**document, **changes}, "small")


def prepare_again(data, data_folder, **changes):
    return prepare(changed_card(**changes), data, source=data_folder / "small.csv", force=True).manifest


def by_hand(data, entry, inside):
    """AUC of the predictions of the test rows of which ``inside`` is true."""
    prepared = read(data)
    rows = prepared.indices(Split.TEST)
    scores = np.random.default_rng(entry.record.seed).random((len(rows), 1), np.float32)[:, 0].astype(np.float64)
    label = prepared.rows["click"][rows].numpy().astype(bool)
    users = prepared.rows["user"][rows].numpy()
    return AUC.overall(Sample(label[inside], scores[inside], users[inside]))


def test_the_same_again_is_the_same(store, data, finish, again):
    before = [finish(read(data), seed) for seed in range(2)]
    found = again()
    assert [record.seed for record in found.measured] == [e.record.seed for e in store.all_entries()]
    assert found.without_predictions == ()
    assert sorted(store.all_entries(), key=lambda entry: entry.record.seed) == before


def test_a_new_cohort_needs_no_training(store, data, data_folder, finish, again):
    before, old = finish(read(data)), read(data).manifest
    cohorts = [*card("small").model_dump(mode="json")["cohorts"], BRAND]
    new = prepare_again(data, data_folder, cohorts=cohorts, title="Mended")
    assert new.fingerprint == old.fingerprint
    assert new.measuring_fingerprint != old.measuring_fingerprint
    again()
    (entry,) = Store.of(store.work.folder.parent).all_entries()
    assert entry.record.identity == before.record.identity
    assert entry.facts.key == (new.fingerprint, new.measuring_fingerprint)
    assert entry.facts.title == "Mended"
    assert entry.record.timings == before.record.timings
    values = entry.record.tasks["click"].values
    for metric, columns in before.record.tasks["click"].values.items():
        assert {column: values[metric][column] for column in columns} == columns
    prepared = read(data)
    codes = prepared.per_row("item", "brand_group", prepared.indices(Split.TEST))
    groups = entry.record.groups(entry.facts, "click", "brand_group")
    assert len(groups) == 7
    for code, group in enumerate(groups):
        assert group.rows == (codes == code).sum()
        assert group.values["auc"] == by_hand(data, entry, codes == code)


def test_a_cut_and_a_product(store, data, finish, again):
    finish(read(data))
    again(expressions=["click_length/4", "age_group*click_length/2", "item_popularity/3", "overall"])
    (entry,) = store.all_entries()
    prepared = read(data)
    rows = prepared.indices(Split.TEST)
    length, age = prepared.rows["length"][rows].numpy(), prepared.per_row("user", "age_group", rows)
    ages = prepared.manifest.cohorts[0].values
    quarters = entry.record.groups(entry.facts, "click", "click_length/4")
    assert len(quarters) == 4
    assert sum(group.rows for group in quarters) == len(rows)
    for group in quarters:
        low, high = map(int, group.group.removeprefix("click_length ").split(" to "))
        inside = (length >= low) & (length <= high)
        assert (group.rows, group.values["auc"]) == (inside.sum(), by_hand(data, entry, inside))
    pairs = entry.record.groups(entry.facts, "click", "age_group*click_length/2")
    assert len(pairs) == len(ages) * 2
    for group in pairs:
        name, _, span = group.group.partition(" x click_length ")
        low, high = map(int, span.split(" to "))
        inside = (age == ages.index(name)) & (length >= low) & (length <= high)
        assert (group.rows, group.values["auc"]) == (inside.sum(), by_hand(data, entry, inside))
    assert len(entry.record.groups(entry.facts, "click", "item_popularity/3")) == 3


def test_a_newly_registered_metric(store, data, finish, again, request):
    before = finish(read(data), columns=["click_length/4"])
    request.getfixturevalue("brier")
    again(expressions=["click_length/4"])
    (entry,) = store.all_entries()
    values = entry.record.tasks["click"].values
    assert {metric: values[metric] for metric in values if metric != "brier"} == before.record.tasks["click"].values
    assert set(values["brier"]) == set(values["auc"])
    assert 0.2 < entry.record.overall("brier") < 0.5
    assert len(values["brier"]["click_length/4"]) == 4


def test_what_is_not_measured_is_kept_where_the_columns_are_the_same(store, data, finish, again):
    before = finish(read(data), columns=["click_length/4"])
    again(metrics=["auc"], expressions=["click_length/2"])
    (entry,) = store.all_entries()
    values = entry.record.tasks["click"].values
    assert set(values) == set(before.record.tasks["click"].values)
    assert "click_length/4" in values["ne"]
    assert "click_length/2" not in values["ne"]
    assert len(values["auc"]["click_length/2"]) == 2
    groups = entry.record.groups(entry.facts, "click", "click_length/2")
    assert [set(group.values) for group in groups] == [{"auc"}] * 2
    left, before_left = (each.record.tasks["click"].left_out["auc"] for each in (entry, before))
    assert set(left) == {"overall", "activeness", "click_length/4", "click_length/2"}
    assert left["click_length/4"] == before_left["click_length/4"]


def test_where_the_columns_changed_every_metric_is_measured(store, data, data_folder, finish, again):
    """Else the values of the other metrics would be lost with the old columns."""
    before = finish(read(data))
    prepare_again(data, data_folder, cohorts=[BRAND])
    again(metrics=["auc"])
    (entry,) = store.all_entries()
    values = entry.record.tasks["click"].values
    assert set(values) == set(before.record.tasks["click"].values)
    for columns in values.values():
        assert set(columns) == {"overall", "activeness", "click_length", "brand_group"}


def test_jobs_without_predictions_are_named_and_the_others_measured(store, data, finish, again):
    here, gone = finish(read(data)), finish(read(data), 1)
    store.work.predictions(gone.record.identity).unlink()
    found = again(expressions=["click_length/4"])
    assert [record.identity for record in found.measured] == [here.record.identity]
    assert found.without_predictions == (gone.record,)
    measured = {
        entry.record.seed: "click_length/4" in entry.record.tasks["click"].values["auc"]
        for entry in store.all_entries()
    }
    assert measured == {0: True, 1: False}


def test_without_any_predictions_no_data_are_needed(store, data, finish, again):
    gone = finish(read(data))
    store.work.predictions(gone.record.identity).unlink()
    shutil.rmtree(data)
    assert again().without_predictions == (gone.record,)


def test_other_training_data_are_refused(store, data, data_folder, finish, again):
    entry = finish(read(data))
    prepare_again(data, data_folder, fields=[{"name": "brand", "source": "item"}])
    message = rf"small: job {entry.record.identity[:12]} was trained on other data than those in .*; prepare those"
    with pytest.raises(CtrbenchError, match=message):
        again()
    assert list(store.all_entries()) == [entry]
    shutil.rmtree(data / "small")
    with pytest.raises(CtrbenchError, match="small: not prepared; run: ctrbench prepare small"):
        again()


@pytest.mark.parametrize("cohorts", [[], [{**BRAND, "name": "age_group"}]])
def test_another_cohort_that_a_method_was_trained_with_is_other_training_data(
    data, data_folder, finish, again, cohorts
):
    finish(read(data), cohorts=("age_group",))
    assert len(again().measured) == 1
    prepare_again(data, data_folder, cohorts=cohorts)
    with pytest.raises(CtrbenchError, match="was trained on other data"):
        again()


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.slice(1),
        lambda table: table.rename_columns(["row", "conversion"]),
        lambda table: table.drop_columns(["row"]),
        lambda table: table.set_column(0, "row", pa.array([0] * len(table))),
        lambda table: table.set_column(0, "row", pa.array([10**9, *table["row"].to_pylist()[1:]])),
    ],
)
def test_predictions_of_other_rows_or_tasks_are_refused(store, data, finish, again, change):
    entry = finish(read(data))
    path = store.work.predictions(entry.record.identity)
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(
        CtrbenchError, match=r"not predictions of click for the test rows of small; repeat the job"
    ) as error:
        again()
    assert "\n" not in str(error.value)
    assert list(store.all_entries()) == [entry]


def test_the_order_of_stored_rows_decides_nothing(store, data, finish, again):
    entry = finish(read(data))
    path = store.work.predictions(entry.record.identity)
    table = pq.read_table(path)
    pq.write_table(table.take(np.random.default_rng(0).permutation(len(table))), path)
    again()
    (found,) = store.all_entries()
    assert found.facts == entry.facts
    for metric, columns in entry.record.tasks["click"].values.items():
        assert found.record.tasks["click"].values[metric]["activeness"] == pytest.approx(columns["activeness"])


@pytest.mark.parametrize(
    "case",
    [
        ("brand", "column 'brand': unknown column of small 'brand'; known: activeness, age_group, click_length"),
        ("age_group*x", r"column 'age_group\*x': unknown column of small 'x'"),
        ("activeness/3", "unknown number to cut of small 'activeness'"),
        ("click_length/1000000000", "1000000000 buckets; want 2 to 1,000"),
        ("x/../../ESCAPED", r"want NAME, NAME/BUCKETS or NAME\*NAME"),
        ("n" * 300, "column 'nnnnn"),
    ],
)
def test_columns_that_make_no_sense(store, finish, again, data, case):
    expression, message = case
    entry = finish(read(data))
    with pytest.raises(CtrbenchError, match=message) as error:
        again(expressions=[expression])
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500
    assert list(store.all_entries()) == [entry]


def test_an_unknown_metric(data, finish, again):
    finish(read(data))
    with pytest.raises(CtrbenchError, match=r"unknown metric 'acu'; did you mean auc\?"):
        again(metrics=["acu"])


def test_packed_jobs_are_measured_where_they_lie(store, data, data_folder, finish, again):
    finish(read(data), 0)
    finish(read(data), 1)
    pack(store)
    finish(read(data), 2)
    for cohorts in ([BRAND], [*card("small").model_dump(mode="json")["cohorts"], BRAND]):
        prepare_again(data, data_folder, cohorts=cohorts)
        assert len(again(expressions=["click_length/4"]).measured) == 3
        assert len(store.work.identities()) == 1
        assert list(faults(store.archive)) == []
        found = {entry.facts.measuring_fingerprint for entry in Store.of(store.work.folder.parent).all_entries()}
        assert found == {read(data).manifest.measuring_fingerprint}
    pack(store)
    assert list(faults(store.archive)) == []
    assert len(again().measured) == 3


def test_data_are_read_and_files_are_written_once_for_all_jobs(store, data, finish, again, monkeypatch):
    """So that a table of a hundred jobs takes seconds."""
    for seed in range(6):
        finish(read(data), seed)
    pack(store)
    reads, writes = [], []
    whole = Prepared.read.__func__
    monkeypatch.setattr(Prepared, "read", classmethod(lambda cls, *a, **k: reads.append(a) or whole(cls, *a, **k)))
    from ctrbench.store import lines

    replace = lines.replace_file
    monkeypatch.setattr(lines, "replace_file", lambda path, content: writes.append(path.name) or replace(path, content))
    again(expressions=["click_length/4"])
    assert len(reads) == 1
    assert sorted(writes) == ["data.jsonl", "net-plain.jsonl"]
