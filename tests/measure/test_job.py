"""Metrics of every task of a job, each on its own rows and groups."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from ctrbench.data.integrity import sha256_of
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import TRUTH, Split
from ctrbench.data.settings import DataSettings
from ctrbench.data.tasks import Tasks
from ctrbench.measure.again import measure_again
from ctrbench.measure.blocks import BLOCKS, user_blocks
from ctrbench.measure.job import measure_job, stored_targets
from ctrbench.measure.truth import real_probability, true_probability
from ctrbench.metrics import METRICS
from ctrbench.metrics.auc import auc
from ctrbench.metrics.sample import Sample
from ctrbench.prepare.card import shipped_card
from ctrbench.prepare.formats import Simulation
from ctrbench.prepare.stage import prepare
from ctrbench.prepare.writer import write_manifest

TWO = {
    "tasks": ("click", "conversion"),
    "given": {"conversion": "click"},
    "derived": {"ctcvr": ("click", "conversion")},
}


@pytest.fixture
def measured(orders):
    rows = orders.indices(Split.TEST)
    tasks = Tasks.of(DataSettings(**TWO), orders.manifest.labels, "here")
    predicted = np.random.default_rng(0).random((len(rows), 2), np.float32)
    return measure_job(orders, rows, tasks, stored_targets(orders, rows, tasks), predicted), predicted


def test_each_task_has_its_own_rows_groups_and_values(orders, measured):
    found, predicted = measured
    rows = orders.indices(Split.TEST)
    click, conversion = (orders.rows[label][rows].numpy().astype(bool) for label in ("click", "conversion"))
    users = orders.rows["user"][rows].numpy()
    one, two = predicted.astype(np.float64).T
    samples = {
        "click": ("click", Sample(click, one, users, converted=conversion)),
        "conversion": ("conversion given click", Sample(conversion[click], two[click], users[click])),
        "ctcvr": ("click x conversion", Sample(click & conversion, one * two, users)),
    }
    assert list(found.tasks) == list(samples)
    assert set(found.facts.groups) == {definition for definition, _ in samples.values()}
    ages = orders.per_row("user", "age_group", rows)
    for task, (definition, sample) in samples.items():
        metrics = found.tasks[task]
        assert metrics.definition == definition
        known = {name for name, metric in METRICS.usable().items() if metric.knows(sample)}
        assert set(metrics.values) == known
        for name in known:
            wanted = METRICS.get(name).overall(sample)
            own = metrics.values[name]["overall"]
            assert own == ([None] if wanted is None else pytest.approx([wanted], rel=1e-12))
        groups = found.facts.groups[definition]
        assert groups["overall"].rows == [len(sample.label)]
        assert groups["overall"].positives == [sample.label.sum()]
        inside = ages[click] if task == "conversion" else ages
        assert groups["age_group"].rows == np.bincount(inside, minlength=5).tolist()
        assert groups["age_group"].positives == np.bincount(inside[sample.label], minlength=5).tolist()
    assert found.facts.groups["click x conversion"]["overall"].positives == [int(conversion.sum())]


def test_an_unconditional_task_is_another_task_than_a_conditional_one(orders):
    rows = orders.indices(Split.TEST)
    tasks = Tasks.of(DataSettings(tasks=("click", "conversion")), orders.manifest.labels, "here")
    found = measure_job(orders, rows, tasks, stored_targets(orders, rows, tasks), np.full((len(rows), 2), 0.5))
    assert set(found.facts.groups) == {"click", "conversion"}
    assert found.facts.groups["conversion"]["overall"].rows == [len(rows)]


def test_true_probabilities_are_read_for_test_rows_alone(tmp_path):
    prepare(shipped_card("oncold-sim"), tmp_path, simulation=Simulation(scale=0.004))
    simulated = Prepared.read(tmp_path / "oncold-sim")
    tasks = Tasks.of(DataSettings(**TWO), simulated.manifest.labels, "here")
    rows = simulated.indices(Split.TEST).flip(0)
    truth = np.stack([true_probability(simulated, rows, tasks, task) for task in tasks.trained], 1)
    targets = stored_targets(simulated, rows, tasks)
    found = measure_job(simulated, rows, tasks, targets, truth, expressions=["age_group"]).tasks
    assert found["click"].values["expected_ne"]["overall"][0] == pytest.approx(
        found["click"].values["ne"]["overall"][0], abs=0.02
    )
    worse = measure_job(simulated, rows, tasks, targets, np.clip(truth + 0.1, 0, 1)).tasks
    for task in found:
        assert worse[task].values["expected_ne"]["overall"][0] > found[task].values["expected_ne"]["overall"][0]
    assert [len(left) for left in found["click"].left_out["expected_ne"]["age_group"]] == [BLOCKS] * 6
    assert "age_group" not in worse["click"].left_out["expected_ne"]
    chosen_on = measure_job(simulated, rows, tasks, targets, truth, by_group=False).tasks
    assert {"expected_ne", "real_auc"}.isdisjoint(chosen_on["click"].values)
    converted, clicked = targets.labels["conversion"], targets.labels["click"]
    wanted = auc(converted[clicked], truth[clicked, 0])
    assert found["click"].values["converted_auc"]["overall"] == [pytest.approx(wanted)]
    assert all("converted_auc" not in found[task].values for task in found if task != "click")


def test_real_clicks_are_read_for_test_rows_by_task_and_within_surfaces(tmp_path):
    name = "oncold-sim@options.accidents=0.5"
    prepare(shipped_card(name), tmp_path, simulation=Simulation(scale=0.002))
    simulated = Prepared.read(tmp_path / name)
    tasks = Tasks.of(DataSettings(**TWO), simulated.manifest.labels, "here")
    rows = simulated.indices(Split.TEST).flip(0)
    truth = np.stack([true_probability(simulated, rows, tasks, task) for task in tasks.trained], 1)
    targets = stored_targets(simulated, rows, tasks)
    column = "within(surface_group)"
    measured = measure_job(simulated, rows, tasks, targets, truth, expressions=[column])
    found = {task: own.values for task, own in measured.tasks.items()}
    drawn = simulated.truth("real_click_label", rows)
    assert found["click"]["real_auc"]["overall"] == [pytest.approx(auc(drawn, truth[:, 0]), abs=0.02)]
    # All accidents are explained by the surface, so that within surfaces the order is that of real clicks.
    real = real_probability(simulated, rows, tasks, "click")
    best = measure_job(simulated, rows, tasks, targets, np.stack([real, truth[:, 1]], 1), expressions=[column])
    within, ceiling = (each.tasks["click"].values["real_auc"] for each in (measured, best))
    assert within[column] == pytest.approx(ceiling[column], abs=1e-3)
    assert within["overall"][0] < ceiling["overall"][0] - 0.01
    assert len(measured.tasks["click"].left_out["real_auc"][column][0]) == BLOCKS
    assert found["click"]["ne"][column] == [None]
    assert measured.facts.groups["click"][column].rows == [len(rows)]
    for task in ("conversion", "ctcvr"):
        chosen = targets.observed[task] if task == "conversion" else slice(None)
        wanted = true_probability(simulated, rows, tasks, task)[chosen]
        assert np.array_equal(real_probability(simulated, rows, tasks, task)[chosen], wanted)


def test_data_prepared_before_real_clicks_were_known_have_none(tmp_path):
    name = "oncold-sim@scale=0.0005"
    done = prepare(shipped_card(name), tmp_path, simulation=Simulation(scale=0.0005))
    path = done.folder / TRUTH
    pq.write_table(pq.read_table(path, columns=["click", "conversion"]), path)
    manifest = done.manifest.model_copy(update={"files": done.manifest.files | {TRUTH: sha256_of(path)}})
    write_manifest(done.folder, manifest)
    simulated = Prepared.read(done.folder)
    tasks = Tasks.of(DataSettings(), simulated.manifest.labels, "here")
    rows = simulated.indices(Split.TEST)
    assert real_probability(simulated, rows, tasks, "click") is None
    predicted = np.random.default_rng(0).random((len(rows), 1))
    found = measure_job(simulated, rows, tasks, stored_targets(simulated, rows, tasks), predicted).tasks["click"]
    assert "real_auc" not in found.values
    assert "expected_ne" in found.values


def test_overall_alone(orders):
    rows = orders.indices(Split.VALIDATION)
    tasks = Tasks.of(DataSettings(), orders.manifest.labels, "here")
    found = measure_job(
        orders, rows, tasks, stored_targets(orders, rows, tasks), np.full((len(rows), 1), 0.5), by_group=False
    )
    assert found.facts.groups == {}
    assert all(set(columns) == {"overall"} for columns in found.tasks["click"].values.values())


def test_clipped_rows_are_counted_by_task(orders):
    rows = orders.indices(Split.TEST)
    tasks = Tasks.of(DataSettings(**TWO), orders.manifest.labels, "here")
    targets = stored_targets(orders, rows, tasks)
    predicted = np.stack([targets.labels["click"] * 0.5, np.full(len(rows), 0.5)], 1)
    found = measure_job(orders, rows, tasks, targets, predicted)
    negatives = int((~targets.labels["click"]).sum())
    assert {task: metrics.clipped for task, metrics in found.tasks.items()} == {
        "click": negatives,
        "conversion": 0,
        "ctcvr": negatives,
    }


def test_two_tasks_are_measured_again_alike(orders, finish, store, tmp_path):
    from ctrbench.testing.data import make_dataset

    make_dataset(tmp_path / "data", "orders")
    entry = finish(orders, **TWO)
    (record,) = measure_again([entry.record], store=store, data=tmp_path / "data").measured
    assert record == entry.record
    assert list(store.all_entries()) == [entry]
    assert entry.record.main_task == "click"
    groups = {task: entry.record.groups(entry.facts, task, "overall")[0].rows for task in record.tasks}
    assert groups["conversion"] < groups["click"] == groups["ctcvr"]


def test_values_without_each_block_of_users_are_stored_for_the_main_columns(orders):
    rows = orders.indices(Split.TEST)
    tasks = Tasks.of(DataSettings(), orders.manifest.labels, "here")
    targets = stored_targets(orders, rows, tasks)
    predicted = np.random.default_rng(0).uniform(0.1, 0.9, (len(rows), 1))
    stored = measure_job(orders, rows, tasks, targets, predicted).tasks["click"]
    assert {metric: set(columns) for metric, columns in stored.left_out.items()} == {
        metric: {"overall", "activeness"} for metric in ("auc", "logloss", "ne")
    }
    blocks = user_blocks(targets.users)
    kept = blocks.codes != 3
    expected = auc(targets.labels["click"][kept], predicted[kept, 0])
    assert stored.without_each_block("auc", "overall", 0)[3] == pytest.approx(expected, abs=1e-7)
    assert stored.without_each_block("calibration", "overall", 0) is None
    alone = measure_job(orders, rows, tasks, targets, predicted, by_group=False).tasks["click"]
    assert alone.left_out == {}
