"""Several validations per epoch: the same training, more places to stop and to resume."""

from itertools import islice

import numpy as np
import pytest
import torch

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.metrics import METRICS
from ctrbench.metrics.sample import Sample
from ctrbench.testing.runs import start
from ctrbench.training.checkpoint import below, parse
from ctrbench.training.fit import fit, train_epoch
from ctrbench.training.predict import predict


def tensors(run):
    return parse(run.checkpoint(), "cpu")[0]


def assert_same_bits(one, other):
    ours, theirs = tensors(one), tensors(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("looks", [3, 4])
def test_the_weights_at_the_end_of_an_epoch_do_not_depend_on_the_number_of_looks(small, looks):
    whole, cut = (start("din", "aqcl", small, looks=count) for count in (1, looks))
    rows, loss, parts = zip(*(train_epoch(whole, epoch) for epoch in (1, 2)), strict=True)
    seen = [train_epoch(cut, epoch, part) for epoch in (1, 2) for part in range(1, looks + 1)]
    assert_same_bits(whole, cut)
    assert sum(rows) == sum(each[0] for each in seen)
    sizes = [-(-each[0] // 256) for each in seen]
    assert max(sizes) - min(sizes) <= 1
    assert np.average([each[1] for each in seen], weights=sizes) == pytest.approx(np.mean(loss), rel=1e-5)
    clicks = [each[2]["click"] for each in seen]
    assert np.average(clicks, weights=sizes) == pytest.approx(np.mean([part["click"] for part in parts]), rel=1e-5)


@pytest.mark.parametrize("made", [1, 2, 4, 6])
def test_a_run_that_is_killed_between_looks_ends_with_the_same_bits(small, made):
    options = {"looks": 4, "epochs": 2, "patience": 8}
    whole, half, run = (start("din", "aqcl", small, **options) for _ in range(3))
    assert [each.epoch for each in fit(whole)] == list(range(1, 9))
    for _ in islice(fit(half), made):
        # Other work of the process, as another job in it.
        torch.manual_seed(999)
    torch.rand(5)
    run.restore(half.checkpoint())
    assert [each.epoch for each in fit(run)] == list(range(made + 1, 9))
    for one, other in zip(run.epochs, whole.epochs, strict=True):
        assert (one.loss, one.parts, one.validation) == (other.loss, other.parts, other.validation)
    assert run.best_epoch == whole.best_epoch
    assert_same_bits(run, whole)


def test_a_checkpoint_holds_streams_amid_an_epoch_alone(small):
    run = start("din", "plain", small, looks=2, epochs=1)
    steps = fit(run)
    next(steps)
    assert below("stream", tensors(run)).keys() == {"augmentation", "dropout"}
    next(steps)
    assert not below("stream", tensors(run))


def test_the_best_looks_weights_are_kept_and_patience_counts_looks(small):
    run = start("din", "plain", small, looks=3, epochs=20, patience=4)
    made = list(fit(run))
    aucs = [look.validation["click"]["auc"] for look in made]
    assert run.best_epoch == 1 + int(np.argmax(aucs)) == len(made) - 4
    label = run.feed.split(Split.VALIDATION).labels[:, 0].numpy().astype(bool)
    predicted = predict(run.backbone, run.feed, Split.VALIDATION)[:, 0].astype(np.float64)
    assert METRICS.get("auc").overall(Sample(label, predicted)) == max(aucs)


def test_epochs_stay_epochs(small):
    run = start("din", "plain", small, looks=3, epochs=2, patience=6)
    assert len(list(fit(run))) == 6


def test_more_looks_than_batches_are_refused_before_the_first_step(small):
    run = start("din", "plain", small, looks=5, batch_size=1024)
    before = tensors(run)
    batches = -(-len(run.feed.epoch(0, 1)) // 1024)
    assert batches < 5
    with pytest.raises(CtrbenchError) as error:
        next(fit(run))
    assert str(error.value) == (
        f"small: training.looks is 5, but an epoch has {batches} batches; lower it, or training.batch_size"
    )
    after = tensors(run)
    assert all(torch.equal(before[name], after[name]) for name in before)
