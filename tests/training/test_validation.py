"""Validation metrics by task, and what is watched."""

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.testing.runs import TWO_TASKS, start
from ctrbench.training.fit import fit
from ctrbench.training.predict import predict
from ctrbench.training.validation import Watch


@pytest.fixture(scope="module")
def two_tasks(orders):
    run = start("din", "plain", orders, TWO_TASKS, epochs=2)
    list(fit(run))
    return run


def test_every_task_has_its_metrics_on_the_rows_that_define_it(two_tasks, orders):
    rows = orders.indices(Split.VALIDATION)
    click, conversion = (orders.rows[name][rows].numpy() for name in ("click", "conversion"))
    predicted = predict(two_tasks.backbone, two_tasks.feed, Split.VALIDATION)
    assert predicted.shape == (len(rows), 2)
    found = two_tasks.epochs[two_tasks.best_epoch - 1].validation
    assert list(found) == ["click", "conversion", "ctcvr"]
    clicked = click == 1
    wanted = {
        "click": (click, predicted[:, 0]),
        "conversion": (conversion[clicked], predicted[clicked, 1]),
        "ctcvr": (click * conversion, predicted[:, 0] * predicted[:, 1]),
    }
    for task, (label, probability) in wanted.items():
        assert list(found[task]) == ["auc", "logloss"]
        assert found[task]["auc"] == pytest.approx(roc_auc_score(label, probability), abs=1e-12)
        assert found[task]["logloss"] == pytest.approx(log_loss(label, probability), abs=1e-12)


@pytest.mark.parametrize(
    ("setting", "task", "metric"),
    [
        ("auc", "click", "auc"),
        ("logloss", "click", "logloss"),
        ("click.auc", "click", "auc"),
        ("conversion.logloss", "conversion", "logloss"),
        ("ctcvr.auc", "ctcvr", "auc"),
        ("gauc", "click", "gauc"),
        ("ctcvr.calibration", "ctcvr", "calibration"),
    ],
)
def test_the_watched_value_picks_the_epoch(orders, setting, task, metric):
    run = start("din", "plain", orders, TWO_TASKS, epochs=5, patience=5, watch=setting)
    list(fit(run))
    values = [epoch.validation[task][metric] for epoch in run.epochs]
    assert len(set(values)) > 1
    assert list(run.epochs[0].validation[task]) == list(dict.fromkeys(["auc", "logloss", metric]))
    best = np.argmax([METRICS.get(metric).goodness(value) for value in values])
    assert run.best_epoch == 1 + best
    assert run.watch.value(run.epochs[best]) == values[best]


def test_the_mean_over_the_trained_tasks_is_watched(orders):
    run = start("din", "plain", orders, TWO_TASKS, epochs=5, patience=5, watch="mean.auc")
    list(fit(run))
    values = [np.mean([epoch.validation[task]["auc"] for task in ("click", "conversion")]) for epoch in run.epochs]
    assert run.best_epoch == 1 + np.argmax(values)
    assert run.watch.value(run.epochs[0]) == pytest.approx(values[0], abs=1e-15)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("acu", "unknown metric of training.watch 'acu'; did you mean auc?"),
        ("convresion.auc", "unknown task of training.watch 'convresion'; did you mean conversion?"),
        ("conversion.", "unknown metric of training.watch ''"),
    ],
)
def test_what_cannot_be_watched_is_named_before_training(orders, setting, message):
    with pytest.raises(CtrbenchError) as error:
        start("din", "plain", orders, TWO_TASKS, watch=setting)
    assert message in str(error.value)


def test_an_undefined_value_is_the_worst(two_tasks):
    epoch = two_tasks.epochs[0]
    blank = type(epoch)(**{**vars(epoch), "validation": {"click": {"auc": None, "logloss": None}}})
    for metric in ("auc", "logloss"):
        watch = Watch.of(metric, two_tasks.feed.tasks)
        assert watch.score(blank) < watch.score(epoch)
