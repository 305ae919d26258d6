"""C2AL's labels and losses row by row."""

from dataclasses import replace

import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods.c2al import C2AL, C2ALSettings
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import DATA, TWO_TASKS, start
from ctrbench.training.fit import train_epoch
from tests.methods.rivals import LABELS, hand_made, logloss, make

COHORTS = {"column": "age_group", "head": "3", "tail": "1"}
CODES = [3, 1, 3, -1, 0]
"""Of the hand-made rows: head, tail, head, no group, another group."""
LABELLED = {
    "conflict": ([1, 0, 0, 0, 0], [0, 1, 0, 0, 0]),
    "again": (LABELS, LABELS),
    "membership": ([1, 0, 1, 0, 0], [0, 1, 0, 0, 0]),
}


@pytest.fixture
def feed():
    return Feed(dataset("small"), DATA, cohorts=("age_group",))


@pytest.mark.parametrize("labels", LABELLED)
def test_every_row_has_three_labels(feed, labels):
    backbone, method = make(feed, "c2al", labels=labels, head_weight=0.3, tail_weight=0.2, **COHORTS)
    assert [feed.cohorts[0].values[code] for code in method.codes] == ["3", "1"]
    batch = replace(hand_made(feed), cohorts=torch.tensor(CODES, dtype=torch.int32).unsqueeze(1))
    embedded = backbone.embed(batch)
    loss = method.loss(backbone, batch, embedded, torch.Generator())
    h = backbone.interact(embedded)
    own = h @ method.auxiliary.weight.T + method.auxiliary.bias
    wanted = [logloss(own[:, place], values) for place, values in enumerate(LABELLED[labels])]
    click = logloss(backbone(batch)[:, 0])
    assert {name: part.item() for name, part in loss.parts.items()} == pytest.approx(
        {"click": click, "head": wanted[0], "tail": wanted[1]}
    )
    assert loss.total.item() == pytest.approx(click + 0.3 * wanted[0] + 0.2 * wanted[1])


def test_without_weights_it_trains_as_plain():
    prepared = dataset("small")
    plain = start("din", "plain", prepared)
    own = start("din", "c2al", prepared, method_settings={**COHORTS, "head_weight": 0.0, "tail_weight": 0.0})
    for run in (plain, own):
        train_epoch(run, 1)
    for a, b in zip(plain.backbone.parameters(), own.backbone.parameters(), strict=True):
        assert torch.equal(a, b)


def test_nothing_of_it_is_left_at_prediction():
    prepared = dataset("small")
    plain, own = start("din", "plain", prepared), start("din", "c2al", prepared, method_settings=COHORTS)
    shapes = [{name: value.shape for name, value in run.backbone.state_dict().items()} for run in (plain, own)]
    assert shapes[0] == shapes[1]
    assert sum(p.numel() for p in own.method.parameters()) == 2 * (own.backbone.representation_size + 1)


def test_the_labels_are_those_of_the_first_task_where_it_is_observed():
    prepared = dataset("orders")
    data = TWO_TASKS.model_copy(update={"tasks": ("conversion", "click"), "derived": {}})
    cohort = prepared.manifest.cohorts[0]
    settings = {"column": cohort.name, "head": cohort.values[0], "tail": cohort.values[1], "labels": "again"}
    run = start("din", "c2al", prepared, data, method_settings=settings)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    seen = batch.observed[:, 0]
    assert 0 < seen.sum() < len(seen)
    loss = run.method.loss(run.backbone.eval(), batch, run.backbone.embed(batch), torch.Generator())
    own = run.method.auxiliary(run.backbone.interact(run.backbone.embed(batch)))[:, 0]
    wanted = logloss(own[seen].double(), batch.labels[seen, 0].tolist())
    assert loss.parts["head"].item() == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "c2al needs two cohorts: set method.column, method.head and method.tail"),
        ({"column": "age_group", "head": "3"}, "c2al needs two cohorts"),
        ({**COHORTS, "tail": "3"}, "head and tail of c2al are the same cohort"),
    ],
)
def test_too_few_cohorts_are_refused(settings, reason):
    assert C2AL.refuses("din", DataSettings(), C2ALSettings(**settings), None).startswith(reason)
    assert C2AL.refuses("din", DataSettings(), C2ALSettings(**COHORTS), None) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "13"}, "unknown group of cohort age_group '13'"),
        ({"column": "age_grup"}, "unknown cohort 'age_grup'; did you mean age_group"),
    ],
)
def test_a_cohort_that_is_not_there(change, message):
    with pytest.raises(CtrbenchError, match=message):
        start("din", "c2al", dataset("small"), method_settings={**COHORTS, **change})
