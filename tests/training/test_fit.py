"""The loop: early stopping, best weights, resuming, divergence, penalty."""

import pickle

import numpy as np
import pytest
import torch

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.single import build
from ctrbench.metrics.auc import auc
from ctrbench.training import fit as module
from ctrbench.training.checkpoint import load
from ctrbench.training.fit import DivergedError, Training, fit
from ctrbench.training.predict import predict
from ctrbench.training.settings import TrainingSettings


def start(feed, method="aqcl", **settings):
    config = RunConfig(dataset="small", backbone="din", method=method, seed=4)
    options = {"batch_size": 256, "learning_rate": 1e-2, "epochs": 6, "patience": 2} | settings
    return Training(*build(config, feed), feed, TrainingSettings(**options), 4)


def silent(epoch, at_most):
    pass


@pytest.mark.parametrize("settings", [{"epochs": 40, "patience": 2}, {"epochs": 3, "patience": 3}])
def test_the_best_epochs_weights_are_kept_on_every_way_out(feed, settings):
    run = start(feed, "plain", **settings)
    fit(run, None, silent)
    assert len(run.epochs) == min(settings["epochs"], run.best_epoch + settings["patience"])
    label = feed.split(Split.VALIDATION).labels[:, 0].numpy()
    measured = auc(label, predict(run.backbone, feed, Split.VALIDATION)[:, 0])
    assert measured == max(epoch.validation["click"]["auc"] for epoch in run.epochs)


def test_watching_logloss_keeps_its_lowest_epoch(feed):
    run = start(feed, "plain", epochs=40, watch="logloss")
    fit(run, None, silent)
    losses = [epoch.validation["click"]["logloss"] for epoch in run.epochs]
    assert run.best_epoch == 1 + int(np.argmin(losses)) == len(losses) - 2


def test_an_interrupted_run_ends_with_the_same_bits(feed, tmp_path):
    whole = start(feed)
    fit(whole, None, silent)

    def die_after_two(epochs, at_most):
        if len(epochs) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(start(feed), tmp_path / "checkpoint", die_after_two)
    torch.manual_seed(999)
    resumed, seen = start(feed), []
    fit(resumed, tmp_path / "checkpoint", lambda epochs, at_most: seen.append(len(epochs)))
    assert seen[0] == 2
    assert [e.loss for e in resumed.epochs] == [e.loss for e in whole.epochs]
    ours, theirs = (predict(run.backbone, feed, Split.VALIDATION) for run in (resumed, whole))
    assert np.array_equal(ours, theirs)


def test_a_finished_checkpoint_is_not_trained_further(feed, tmp_path):
    fit(start(feed), tmp_path / "checkpoint", silent)
    again, seen = start(feed), []
    fit(again, tmp_path / "checkpoint", lambda epochs, at_most: seen.append(len(epochs)))
    assert seen == [len(again.epochs)]


def test_the_test_split_is_locked_until_training_has_ended(feed, monkeypatch):
    """Selection that looks at test rows is stopped by the guard."""
    original = module.predict
    monkeypatch.setattr(module, "predict", lambda backbone, feed, split: original(backbone, feed, Split.TEST))
    run = start(feed, epochs=1)
    with pytest.raises(CtrbenchError, match="test rows were asked for before the training ended"):
        fit(run, None, silent)
    feed.unlock(Split.TEST)
    fit(run, None, silent)


@pytest.mark.parametrize("other", ["data", "device", "torch"])
def test_a_checkpoint_of_another_origin_is_ignored(feed, tmp_path, monkeypatch, other):
    fit(start(feed, epochs=2), tmp_path / "checkpoint", silent)
    origin = start(feed).origin
    monkeypatch.setattr(Training, "origin", property(lambda self: origin | {other: "another"}))
    seen = []
    fit(start(feed, epochs=2), tmp_path / "checkpoint", lambda epochs, at_most: seen.append(len(epochs)))
    assert seen == [0, 1, 2]


def test_a_loss_that_is_not_a_number_is_named(feed):
    run = start(feed, "plain")
    with torch.no_grad():
        run.backbone.output.bias.fill_(float("nan"))
    with pytest.raises(DivergedError, match="the loss of epoch 1 is nan"):
        fit(run, None, silent)


def test_weights_that_are_not_numbers_are_named(feed, monkeypatch):
    monkeypatch.setattr(module, "predict", lambda *_: np.array([[np.nan]]))
    with pytest.raises(DivergedError, match="epoch 1 leaves weights"):
        fit(start(feed, "plain"), None, silent)


def test_the_penalty_pulls_the_rows_that_batches_touch_and_no_other(feed):
    free, pulled = (start(feed, "plain", penalty=penalty, epochs=3) for penalty in (0.0, 1.0))
    before = free.backbone.embedding.weight.detach().clone()
    for run in (free, pulled):
        fit(run, None, silent)
    starts = free.backbone.embedding.starts
    unknown = starts.long()
    norms = [run.backbone.embedding.weight.detach().norm(dim=1) for run in (free, pulled)]
    assert norms[1].mean() < 0.7 * norms[0].mean()
    for run in (free, pulled):
        assert torch.equal(run.backbone.embedding.weight[unknown[:2]], before[unknown[:2]])


class Exploit:
    def __reduce__(self):
        return (pytest.fail, ("the checkpoint's code was run",))


def test_a_pickled_checkpoint_is_refused_unread(feed, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(CtrbenchError, match=r"checkpoint\.safetensors: not a checkpoint of ctrbench"):
        fit(start(feed), path, silent)


def test_a_torch_pickle_is_refused_too(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    torch.save({"weights": Exploit()}, path)
    with pytest.raises(CtrbenchError, match="delete it to start the run again"):
        load(path, "cpu")
