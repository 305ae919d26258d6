"""The models of a run: their seeds, their mean, and a checkpoint that holds those that have begun."""

import numpy as np
import pytest

from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.testing.runs import start
from ctrbench.training.ensemble import Ensemble, model_seeds
from ctrbench.training.predict import predict


def made(feed, models=2, **training):
    """An ensemble before its first epoch."""
    runs = [start("din", "aqcl", feed.prepared, seed=seed, epochs=2, **training) for seed in model_seeds(3, models)]
    return Ensemble(runs)


def test_the_first_model_has_the_runs_seed_and_no_two_runs_share_one():
    assert model_seeds(3, 1) == [3]
    seeds = [seed for run in range(20) for seed in model_seeds(run, 3)]
    assert len(set(seeds)) == 60
    assert [seed for seed in seeds if seed < 10_000] == list(range(20))


def test_it_predicts_the_mean_of_its_models(feed):
    ensemble = made(feed, 3)
    assert len(list(ensemble.fit())) == len(ensemble.looks) == ensemble.most_looks == 6
    each = [predict(model.backbone, feed, Split.VALIDATION) for model in ensemble.models]
    assert not np.allclose(each[0], each[1], atol=1e-4)
    np.testing.assert_allclose(ensemble.predict(Split.VALIDATION), sum(each) / 3, rtol=1e-12)


def test_one_model_predicts_what_it_predicts_alone(feed):
    ensemble = made(feed, 1)
    list(ensemble.fit())
    alone = predict(ensemble.first.backbone, feed, Split.VALIDATION)
    assert np.array_equal(ensemble.predict(Split.VALIDATION), alone)


@pytest.mark.parametrize("looks", range(1, 9))
def test_it_resumes_with_the_same_bits_within_any_epoch_of_any_model(feed, looks):
    whole, half = (made(feed, looks=2, patience=4) for _ in range(2))
    list(whole.fit())
    steps = half.fit()
    for _ in range(looks):
        next(steps)
    resumed = made(feed, looks=2, patience=4)
    resumed.restore(half.checkpoint())
    assert len(resumed.looks) == looks
    assert len(list(resumed.fit())) == 8 - looks
    assert np.array_equal(resumed.predict(Split.VALIDATION), whole.predict(Split.VALIDATION))


def test_a_checkpoint_of_one_training_is_no_part_of_it_and_bytes_are_refused(feed):
    ensemble, training = made(feed), start("din", "aqcl", feed.prepared, seed=3, epochs=2)
    ensemble.restore(training.checkpoint())
    assert ensemble.looks == ()
    with pytest.raises(CtrbenchError, match="not a checkpoint"):
        ensemble.restore(b"damaged")
