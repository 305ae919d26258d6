"""The learning rate of every step, and what early stopping makes of its drops."""

from itertools import islice

import numpy as np
import pytest
import torch

from ctrbench.errors import CtrbenchError
from ctrbench.testing.runs import start
from ctrbench.training.checkpoint import parse
from ctrbench.training.fit import Training, fit
from ctrbench.training.schedule import find_drops
from ctrbench.training.settings import TrainingSettings


@pytest.fixture
def rates(monkeypatch):
    """The optimizer's rate in every step."""
    seen, step = [], Training.step

    def noted(run, *arguments, **options):
        loss = step(run, *arguments, **options)
        seen.append(run.optimizer.adam.param_groups[0]["lr"])
        return loss

    monkeypatch.setattr(Training, "step", noted)
    return seen


def plateau(patience, drops):
    return TrainingSettings(schedule="plateau", schedule_patience=patience, drops=drops, patience=100)


def test_a_constant_rate_stays(small, rates):
    list(fit(start("din", "plain", small, epochs=2, patience=2)))
    assert set(rates) == {1e-2}


@pytest.mark.parametrize("options", [{"epochs": 1}, {"epochs": 3}, {"epochs": 2, "looks": 3}])
def test_a_linear_rate_reaches_0_after_the_planned_epochs(small, rates, options):
    run = start("din", "plain", small, schedule="linear", patience=10, **options)
    list(fit(run))
    steps = options["epochs"] * -(-len(run.feed.epoch(0, 1)) // 256)
    np.testing.assert_allclose(rates, np.linspace(1e-2, 0, steps, endpoint=False), rtol=1e-12)


@pytest.mark.parametrize(
    ("scores", "patience", "drops", "expected"),
    [
        ([1, 2, 3, 4], 1, 2, []),
        ([1, 1, 1, 1, 1], 2, 2, [3, 5]),
        ([1, 1, 1, 1, 1], 2, 1, [3]),
        ([3, 2, 1, 4, 1, 1, 1], 2, 3, [3, 6]),
        ([-np.inf, -np.inf, 1], 1, 3, [2]),
        ([], 1, 1, []),
    ],
)
def test_the_rate_drops_where_the_watched_value_stalls(scores, patience, drops, expected):
    assert find_drops(scores, plateau(patience, drops)) == expected


@pytest.mark.parametrize("patience", [1, 2, 4])
def test_drops_are_those_of_torchs_scheduler(patience):
    scores = np.random.default_rng(patience).random(60).round(2).tolist()
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.5, patience=patience - 1, threshold=0, eps=0
    )
    expected, before = [], 1.0
    for look, score in enumerate(scores, 1):
        theirs.step(score)
        rate = optimizer.param_groups[0]["lr"]
        if rate < before:
            expected.append(look)
        before = rate
    assert len(expected) > 5
    assert find_drops(scores, plateau(patience, 10)) == expected[:10]


def test_training_stops_once_the_drops_and_the_patience_are_used_up(small, rates):
    options = {"schedule": "plateau", "schedule_patience": 1, "drops": 2, "patience": 2, "epochs": 60}
    run = start("din", "plain", small, learning_rate=0.03, watch="logloss", **options)
    list(fit(run))
    drops = run.drops
    assert len(drops) == 2
    assert len(run.epochs) == max(run.best_epoch, drops[-1]) + 2 < 60
    steps = len(rates) // len(run.epochs)
    dropped = [sum(drop <= look for drop in drops) for look in range(len(run.epochs))]
    assert rates == pytest.approx([0.03 / 10**count for count in dropped for _ in range(steps)])


@pytest.mark.parametrize("schedule", ["linear", "plateau"])
def test_a_schedule_resumes_where_it_was(small, schedule):
    options = {"schedule": schedule, "schedule_patience": 1, "patience": 5, "epochs": 4, "looks": 2}
    whole, half, run = (start("din", "plain", small, learning_rate=0.03, watch="logloss", **options) for _ in range(3))
    list(fit(whole))
    list(islice(fit(half), 5))
    assert schedule == "linear" or half.drops
    run.restore(half.checkpoint())
    list(fit(run))
    ours, theirs = (parse(each.checkpoint(), "cpu")[0] for each in (run, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_plateau_that_patience_would_never_see_is_refused():
    with pytest.raises(CtrbenchError, match="training: schedule_patience 4 is above patience 3: training would stop"):
        TrainingSettings.read({"schedule": "plateau", "schedule_patience": 4, "patience": 3}, "training")
    assert TrainingSettings.read({"schedule_patience": 4, "patience": 1}, "training").schedule == "constant"
