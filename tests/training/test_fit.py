"""The loop: early stopping, best weights, resuming, divergence, penalty."""

import pickle
from itertools import islice

import numpy as np
import pytest
import torch

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.metrics.sample import Sample
from ctrbench.testing.runs import TWO_TASKS
from ctrbench.testing.runs import start as start_run
from ctrbench.training import fit as module
from ctrbench.training.fit import DivergedError, Training, fit
from ctrbench.training.predict import predict


def start(feed, method="aqcl", **training):
    options = {"epochs": 6, "patience": 2, "penalty": 0.0} | training
    return start_run("din", method, feed.prepared, seed=4, **options)


def train(run):
    """Trains to the end; the numbers of the epochs that were made."""
    return [epoch.epoch for epoch in fit(run)]


def resumed(run, content):
    """A run that goes on from a checkpoint; the epochs that it held, and those that were made."""
    run.restore(content)
    return len(run.epochs), train(run)


@pytest.mark.parametrize("settings", [{"epochs": 40, "patience": 2}, {"epochs": 3, "patience": 3}])
def test_the_best_epochs_weights_are_kept_on_every_way_out(feed, settings):
    run = start(feed, "plain", **settings)
    train(run)
    assert len(run.epochs) == min(settings["epochs"], run.best_epoch + settings["patience"])
    label = feed.split(Split.VALIDATION).labels[:, 0].numpy().astype(bool)
    sample = Sample(label, predict(run.backbone, feed, Split.VALIDATION)[:, 0].astype(np.float64))
    measured = METRICS.get("auc").overall(sample)
    assert measured == max(epoch.validation["click"]["auc"] for epoch in run.epochs)


def test_an_epoch_is_made_only_when_it_is_asked_for(feed):
    run = start(feed, "plain")
    steps = fit(run)
    assert run.epochs == []
    assert next(steps) is run.epochs[0]
    before = run.checkpoint()
    steps.close()
    assert len(run.epochs) == 1
    assert run.checkpoint() == before


def test_watching_logloss_keeps_its_lowest_epoch(feed):
    run = start(feed, "plain", epochs=40, watch="logloss")
    train(run)
    losses = [epoch.validation["click"]["logloss"] for epoch in run.epochs]
    assert run.best_epoch == 1 + int(np.argmin(losses)) == len(losses) - 2


@pytest.mark.parametrize("watch", ["conversion.auc", "ctcvr.logloss"])
def test_the_watched_task_decides_which_epoch_is_kept(orders, watch):
    run = start_run("shared-bottom", "plain", orders, TWO_TASKS, epochs=12, patience=2, watch=watch)
    train(run)
    task, metric = watch.split(".")
    values = [epoch.validation[task][metric] for epoch in run.epochs]
    assert all(set(epoch.validation) == {"click", "conversion", "ctcvr"} for epoch in run.epochs)
    assert run.best_epoch == 1 + int(np.argmax(values) if metric == "auc" else np.argmin(values))
    assert len(run.epochs) == min(12, run.best_epoch + 2)


def test_an_interrupted_run_ends_with_the_same_bits(feed):
    whole, half = start(feed), start(feed)
    train(whole)
    list(islice(fit(half), 2))
    torch.manual_seed(999)
    run = start(feed)
    assert resumed(run, half.checkpoint()) == (2, list(range(3, len(whole.epochs) + 1)))
    assert [epoch.loss for epoch in run.epochs] == [epoch.loss for epoch in whole.epochs]
    assert [epoch.validation for epoch in run.epochs] == [epoch.validation for epoch in whole.epochs]
    ours, theirs = (predict(each.backbone, feed, Split.VALIDATION) for each in (run, whole))
    assert np.array_equal(ours, theirs)


def test_a_finished_checkpoint_is_not_trained_further(feed):
    whole, again = start(feed), start(feed)
    made = train(whole)
    assert resumed(again, whole.checkpoint()) == (len(made), [])
    assert np.array_equal(*(predict(each.backbone, feed, Split.VALIDATION) for each in (again, whole)))


def test_the_test_split_is_locked_until_training_has_ended(feed, monkeypatch):
    """Selection that looks at test rows is stopped by the guard."""
    original = module.predict
    monkeypatch.setattr(module, "predict", lambda backbone, feed, split: original(backbone, feed, Split.TEST))
    run = start(feed, epochs=1)
    with pytest.raises(CtrbenchError, match="test rows were read before the training ended"):
        train(run)


@pytest.mark.parametrize("other", ["data", "device", "torch", "kernels", "layout"])
def test_a_checkpoint_of_another_origin_is_ignored(feed, monkeypatch, other):
    first = start(feed, "plain", epochs=1)
    train(first)
    content, origin = first.checkpoint(), first.origin
    monkeypatch.setattr(Training, "origin", property(lambda self: origin | {other: "another"}))
    assert resumed(start(feed, "plain", epochs=1), content) == (0, [1])


def test_a_loss_that_is_not_a_number_is_named(feed):
    run = start(feed, "plain")
    with torch.no_grad():
        run.backbone.output.bias.fill_(float("nan"))
    with pytest.raises(DivergedError, match="the loss of epoch 1 is nan"):
        train(run)


def test_weights_that_are_not_numbers_are_named(feed, monkeypatch):
    monkeypatch.setattr(module, "predict", lambda *_: np.array([[np.nan]]))
    with pytest.raises(DivergedError, match="epoch 1 leaves weights"):
        train(start(feed, "plain"))


def test_the_penalty_pulls_the_rows_that_batches_touch_and_no_other(feed):
    free, pulled = (start(feed, "plain", penalty=penalty, epochs=3) for penalty in (0.0, 1.0))
    before = free.backbone.embedding.weight.detach().clone()
    for run in (free, pulled):
        train(run)
    starts = free.backbone.embedding.starts
    unknown = starts.long()
    norms = [run.backbone.embedding.weight.detach().norm(dim=1) for run in (free, pulled)]
    assert norms[1].mean() < 0.7 * norms[0].mean()
    for run in (free, pulled):
        assert torch.equal(run.backbone.embedding.weight[unknown[:2]], before[unknown[:2]])


class Exploit:
    def __reduce__(self):
        return (pytest.fail, ("the checkpoint's code was run",))


def test_a_pickled_checkpoint_is_refused_unread(feed):
    with pytest.raises(CtrbenchError, match="not a checkpoint of ctrbench"):
        start(feed).restore(pickle.dumps(Exploit()))


def test_a_torch_pickle_is_refused_too(feed, tmp_path):
    torch.save({"weights": Exploit()}, tmp_path / "checkpoint")
    with pytest.raises(CtrbenchError, match="not a checkpoint of ctrbench"):
        start(feed).restore((tmp_path / "checkpoint").read_bytes())
