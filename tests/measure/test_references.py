"""What the reference rows say, and when they are measured."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import TRUTH, Split
from ctrbench.data.settings import DataSettings
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.measure import references
from ctrbench.measure.columns import columns_of, data_facts
from ctrbench.measure.references import measure_references, reference_rows
from ctrbench.metrics import METRICS
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.formats import Simulation
from ctrbench.prepare.stage import prepare
from ctrbench.store.pack import pack
from ctrbench.store.store import Store
from ctrbench.store.verify import faults
from ctrbench.testing.data import card, interactions
from tests.measure.test_again import Brier

TWO = DataSettings(
    tasks=("click", "conversion"), given={"conversion": "click"}, derived={"ctcvr": ("click", "conversion")}
)
RANKING = {"auc", "gauc"}
"""Metrics of scores that only rank the rows."""


def rows_of(prepared, task="click", settings=None, expressions=()):
    tasks = Tasks.of(settings or DataSettings(), prepared.manifest.labels, "here")
    return reference_rows(prepared, tasks, task, expressions)


def test_references_are_measured_on_test_and_their_facts_are_the_datas(small):
    facts, records = rows_of(small)
    assert [record.reference for record in records] == ["popularity", "item_id", "clicked_before", "random"]
    assert facts.model_copy(update={"groups": {}}) == data_facts(small.manifest)
    codes, names = columns_of(small, small.indices(Split.TEST))["click_length"]
    for record in records:
        assert (record.fingerprint, record.measuring_fingerprint) == facts.key
        assert set(record.values) == RANKING
        assert not record.probabilities
        groups = {group.group: group.rows for group in record.groups(facts, "click_length")}
        assert groups == dict(zip(names, np.bincount(codes).tolist(), strict=True))
        (overall,) = record.groups(facts, "overall")
        assert sum(groups.values()) == overall.rows == small.manifest.splits["test"].rows
        assert overall.positives == small.manifest.splits["test"].positives


def test_popularity_ranks_by_training_clicks_and_random_does_not_depend_on_anything(small):
    _, (popularity, _, _, random) = rows_of(small)
    rows = small.indices(Split.TEST)
    score = small.items["popularity"][small.rows["item"][rows].long()].numpy()
    label = small.rows["click"][rows].numpy().astype(bool)
    pairs = np.sign(score[label][:, None] - score[~label][None]) / 2 + 0.5
    assert popularity.values["auc"]["overall"] == [pytest.approx(pairs.mean())]
    assert abs(random.values["auc"]["overall"][0] - 0.5) < 0.1
    assert rows_of(small)[1][3] == random


def test_the_item_id_ranks_by_first_appearance_in_the_raw_file(small):
    _, (_, item_id, *_) = rows_of(small)
    rows = small.indices(Split.TEST)
    item, label = small.rows["item"][rows].numpy(), small.rows["click"][rows].numpy().astype(bool)
    pairs = np.sign(item[label][:, None] - item[~label][None]) / 2 + 0.5
    assert item_id.values["auc"]["overall"] == [pytest.approx(pairs.mean())]


def test_the_item_id_of_impressions_is_read_off_the_raw_file(shown):
    """From the raw table alone: a user's test rows are those after the last click but one."""
    raw = interactions()
    place = {item: position for position, item in enumerate(dict.fromkeys(raw["item"]))}
    clicks = raw[raw["label"] == 1].groupby("user")["time"]
    last_but_one = clicks.apply(lambda times: times.nlargest(2).min() if len(times) > 1 else np.inf)
    test = raw[raw["time"] > raw["user"].map(last_but_one)]
    item, label = test["item"].map(place).to_numpy(), test["label"].to_numpy() == 1
    pairs = np.sign(item[label][:, None] - item[~label][None]) / 2 + 0.5
    _, (_, item_id, *_) = rows_of(shown)
    assert item_id.values["auc"]["overall"] == [pytest.approx(pairs.mean())]


def test_no_score_depends_on_a_test_rows_label(shown):
    """With the labels of the test rows turned round, each AUC is turned round too."""
    click = shown.rows["click"].clone()
    test = shown.indices(Split.TEST)
    click[test] = 1 - click[test]
    turned = replace(shown, rows={**shown.rows, "click": click})
    for before, after in zip(rows_of(shown)[1], rows_of(turned)[1], strict=True):
        assert before.values["auc"]["overall"] == [pytest.approx(1 - after.values["auc"]["overall"][0])]
        assert before.values["auc"]["overall"] != after.values["auc"]["overall"]


@pytest.mark.parametrize(("ties", "low", "high"), [("file-order", 0.7, 1.0), ("hashed", 0.4, 0.6)])
def test_the_item_id_shows_an_order_of_ties_that_gives_the_test_item_away(tmp_path, ties, low, high):
    """A file ordered by item whose users click everything on one day: the last click is the largest id."""
    table = interactions().drop_duplicates(["user", "item"]).sort_values("item").assign(time=0)
    table.to_csv(tmp_path / "ordered.csv", index=False)
    prepare(card("ordered").model_copy(update={"ties": ties}), tmp_path, source=tmp_path / "ordered.csv")
    _, (_, item_id, *_) = rows_of(Prepared.read(tmp_path / "ordered"))
    assert low < item_id.values["auc"]["overall"][0] < high


def test_a_reference_that_an_older_version_did_not_measure_is_measured(store, again, measured, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(references, "_scores", lambda _, rows, *rest: {"random": np.zeros(len(rows))})
        patch.setattr(references, "references_of", lambda _: ("random",))
        again()
        again()
    assert [row.reference for row in store.references("small")] == ["random"]
    again()
    again()
    assert measured == ["click"] * 2
    assert {row.reference for row in store.references("small")} == {"popularity", "item_id", "clicked_before", "random"}


def test_each_task_has_its_own_rows_and_groups(orders):
    click = orders.rows["click"][orders.indices(Split.TEST)].sum().item()
    sizes = {}
    for task in ("click", "conversion", "ctcvr"):
        facts, records = rows_of(orders, task, TWO)
        (definition,) = facts.groups
        assert {record.task for record in records} == {definition}
        sizes[definition] = (
            facts.groups[definition]["overall"].rows[0],
            facts.groups[definition]["overall"].positives[0],
        )
    tests = orders.manifest.splits["test"].rows
    conversions = orders.rows["conversion"][orders.indices(Split.TEST)].sum().item()
    assert sizes == {
        "click": (tests, click),
        "conversion given click": (click, conversions),
        "click x conversion": (tests, conversions),
    }


@pytest.fixture
def measured(monkeypatch):
    """Tasks whose reference rows were measured."""
    made = []
    whole = references.reference_rows

    def counted(prepared, tasks, task, expressions=()):
        made.append(task)
        return whole(prepared, tasks, task, expressions)

    monkeypatch.setattr(references, "reference_rows", counted)
    return made


@pytest.fixture
def again(store, data_folder, small):
    def measure(*wanted, manifest=small.manifest, **arguments):
        measure_references(manifest, wanted or [DataSettings()], store=store, data=data_folder, **arguments)

    return measure


def test_references_are_measured_once_for_each_data_and_column(store, again, measured):
    again()
    again()
    again(DataSettings(history_length=3), DataSettings(negatives="fixed"))
    assert measured == ["click"]
    pack(store)
    again(expressions=["overall"])
    assert measured == ["click"]
    again(expressions=["click_length/4"])
    again(expressions=["age_group/2"])
    assert measured == ["click"] * 3
    for _ in range(2):
        # Also what was measured earlier is still there.
        again(expressions=["click_length/4", "age_group/2"])
        assert measured == ["click"] * 3
        assert [len(row.columns) for row in store.references("small")] == [6, 6, 6, 6]
        pack(store)
    assert list(faults(store.archive)) == []


def test_a_newly_registered_metric_is_measured(store, again, measured, monkeypatch):
    again()
    monkeypatch.setattr(METRICS, "_loaded", dict(METRICS._loaded))
    METRICS.register("brier")(Brier)
    again()
    assert measured == ["click"]  # it needs probabilities, and these are ranks
    METRICS.register("ranks")(type("Ranks", (Brier,), {"name": "ranks", "needs_probabilities": False}))
    again()
    again()
    assert measured == ["click"] * 2
    assert all(set(row.values) == {*RANKING, "ranks"} for row in store.references("small"))


def test_other_data_have_their_own_rows(store, again, measured, small):
    again()
    changed = small.manifest.model_copy(update={"title": "Mended"}).sealed()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prepared, "read", lambda *_: replace(small, manifest=changed))
        again(manifest=changed)
    assert measured == ["click"] * 2
    assert len(store.references("small")) == 8
    assert len(store.facts("small")) == 2


def test_every_task_of_every_job_is_measured_once(store, orders, measured, monkeypatch):
    monkeypatch.setattr(Prepared, "read", lambda *_: orders)
    unconditional = DataSettings(tasks=("conversion", "click"))
    measure_references(orders.manifest, [TWO, unconditional, TWO], store=store, data=orders.folder)
    assert measured == ["click", "conversion", "ctcvr", "conversion"]
    definitions = {row.task for row in store.references("orders")}
    assert definitions == {"click", "conversion", "conversion given click", "click x conversion"}
    (facts,) = store.facts("orders")
    assert set(facts.groups) == definitions
    with pytest.raises(CtrbenchError, match="unknown label 'order'"):
        measure_references(orders.manifest, [DataSettings(tasks=("order",))], store=store, data=orders.folder)


def test_the_oracle_knows_the_probability_of_every_task(orders, tmp_path):
    """On true probabilities that the test makes up: nested labels, so those of two together are the smaller."""
    random = np.random.default_rng(0)
    click = random.uniform(0.1, 0.9, len(orders.rows["click"]))
    truth = {"click": click, "conversion": click * random.uniform(0.1, 0.9, len(click))}
    pq.write_table(pa.table(truth), tmp_path / TRUTH)
    manifest = orders.manifest.model_copy(update={"synthetic": True}).sealed()
    simulated = replace(orders, folder=tmp_path, manifest=manifest)
    rows = orders.indices(Split.TEST).numpy()
    clicked = orders.rows["click"].numpy()[rows].astype(bool)
    tests = {label: values[rows] for label, values in truth.items()}
    wanted = {
        "click": tests["click"],
        "conversion": (tests["conversion"] / tests["click"])[clicked],
        "ctcvr": tests["conversion"],
    }
    for task, probability in wanted.items():
        facts, records = rows_of(simulated, task, TWO)
        assert [record.reference for record in records] == [
            "popularity",
            "item_id",
            "clicked_before",
            "random",
            "oracle",
        ]
        oracle = records[-1]
        assert oracle.probabilities
        assert set(METRICS.names()) - set(oracle.values) == (set() if task == "click" else {"converted_auc"})
        (overall,) = oracle.groups(facts, "overall")
        assert overall.values["calibration"] == pytest.approx(probability.sum() / overall.positives)
    # A condition that is the narrower label: who converts has clicked.
    backwards = DataSettings(tasks=("click",), given={"click": "conversion"})
    facts, records = rows_of(simulated, "click", backwards)
    assert records[-1].groups(facts, "overall")[0].values["calibration"] == pytest.approx(1.0)


def test_the_oracle_of_the_simulated_world_is_calibrated(tmp_path):
    prepare(shipped_card("oncold-sim"), tmp_path, simulation=Simulation(scale=0.004))
    simulated = Prepared.read(tmp_path / "oncold-sim")
    store = Store.of(tmp_path / "results")
    measure_references(simulated.manifest, [TWO], store=store, data=tmp_path)
    (facts,) = store.facts("oncold-sim")
    for row in store.references("oncold-sim"):
        (overall,) = row.groups(facts, "overall")
        if row.reference == "oracle":
            # Positives are a sum of draws: their relative deviation is at most 1 / sqrt(positives).
            assert abs(overall.values["calibration"] - 1) < 4 / np.sqrt(overall.positives), row.task
            assert overall.values["auc"] > 0.6
            assert overall.values["expected_ne"] < 1
            assert overall.values["ne"] == pytest.approx(overall.values["expected_ne"], abs=0.05)
    assert len(store.references("oncold-sim")) == 5 * 3
