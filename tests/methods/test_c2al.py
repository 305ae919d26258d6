"""C2AL's labels and losses row by row."""

from dataclasses import replace

import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.schema import NUMBERS
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods.c2al import C2AL, C2ALSettings
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import DATA, TWO_TASKS, start
from ctrbench.training.fit import train_epoch
from tests.methods.rivals import LABELS, hand_made, logloss, make

COHORTS = {"head": ["age_group = 3"], "tail": ["age_group in 1..1"]}
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
    head, tail = ([f"{cohort.name} = {value}"] for value in cohort.values[:2])
    settings = {"head": head, "tail": tail, "labels": "again"}
    run = start("din", "c2al", prepared, data, method_settings=settings)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    seen = batch.observed[:, 0]
    assert 0 < seen.sum() < len(seen)
    loss = run.method.loss(run.backbone.eval(), batch, run.backbone.embed(batch), torch.Generator())
    own = run.method.auxiliary(run.backbone.interact(run.backbone.embed(batch)))[:, 0]
    wanted = logloss(own[seen].double(), batch.labels[seen, 0].tolist())
    assert loss.parts["head"].item() == pytest.approx(wanted, rel=1e-4)


def test_reweighting_adds_the_positives_of_the_cohorts(feed):
    backbone, method = make(feed, "c2al", labels="reweighted", head_weight=0.3, tail_weight=0.2, **COHORTS)
    assert not list(method.parameters())
    batch = replace(hand_made(feed), cohorts=torch.tensor(CODES, dtype=torch.int32).unsqueeze(1))
    loss = method.loss(backbone, batch, backbone.embed(batch), torch.Generator())
    lost = torch.nn.functional.softplus(-backbone(batch)[:, 0])
    weights = torch.tensor([1 + 0.3, 1 + 0.2, 1, 1, 1])
    labels = torch.tensor(LABELS, dtype=torch.float32)
    own = labels * weights * lost + (1 - labels) * (lost + backbone(batch)[:, 0])
    assert loss.total.item() == pytest.approx(own.mean().item(), rel=1e-5)


def test_a_cohort_may_hold_pairs_of_columns_and_intervals(feed):
    head = ["age_group in 1..3", "click_length in 2..4"]
    feed = Feed(dataset("small"), DATA, cohorts=("age_group", "click_length"))
    _, method = make(feed, "c2al", head=head, tail=["age_group = 0"])
    codes = torch.tensor([[1, 2], [3, 4], [3, 5], [0, 3], [-1, 3]], dtype=torch.int32)
    batch = replace(hand_made(feed), cohorts=codes)
    assert method._members(method.rules[0], batch).tolist() == [True, True, False, False, False]
    assert method._members(method.rules[1], batch).tolist() == [False, False, False, True, False]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_can_be_a_cohort(number):
    prepared = dataset("small")
    feed = Feed(prepared, DATA, cohorts=(number,))
    middle = int(feed.cohort_codes(feed.training).median())
    settings = {"head": [f"{number} in 0..{middle}"], "tail": [f"{number} in {middle + 1}..{2**31 - 1}"]}
    run = start("din", "c2al", prepared, method_settings=settings)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    inside = [run.method._members(rule, batch) for rule in run.method.rules]
    assert torch.equal(inside[0], ~inside[1])
    assert 0 < inside[0].sum() < len(inside[0])


def test_a_sampled_negative_has_the_cohort_of_the_drawn_item():
    prepared = dataset("small")
    feed = Feed(prepared, DATA, cohorts=("item_popularity", "random_item", "random_user"))
    examples = feed.epoch(0, 1)
    codes = feed.cohort_codes(examples)
    assert torch.equal(codes[:, 0], prepared.items["popularity"][examples.items.long()].int())
    stored = prepared.rows["item"][examples.rows]
    assert (stored != examples.items).any()
    for column, ids in ((1, examples.items), (2, prepared.rows["user"][examples.rows])):
        pairs = set(zip(ids.tolist(), codes[:, column].tolist(), strict=True))
        assert len(pairs) == len(set(ids.tolist()))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "c2al needs an axis and a file of its cohorts: set method.axis, run ctrbench cohorts"),
        ({"axis": "age"}, "the recipe's files of cohorts have none of axis 'age' of this dataset"),
        ({**COHORTS, "tail": ["age_group = 3"]}, "head and tail of c2al are the same cohort"),
    ],
)
def test_too_few_cohorts_are_refused(settings, reason):
    manifest = dataset("small").manifest
    assert C2AL.refuses("din", DataSettings(), C2ALSettings(**settings), manifest) == reason
    assert C2AL.refuses("din", DataSettings(), C2ALSettings(**COHORTS), manifest) is None
    assert C2AL.refuses("din", DataSettings(), C2ALSettings(**COHORTS), None) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": ["age_group = 13"]}, "unknown group of cohort age_group '13'"),
        ({"head": ["age_grup = 3"]}, "unknown cohort 'age_grup'; did you mean age_group"),
        ({"head": ["age_group"]}, "cohort 'age_group': want 'COLUMN = GROUP' or 'COLUMN in LEAST..MOST'"),
        (
            {"found_on": "0" * 64, "axis": "age_group"},
            "the cohorts of axis 'age_group' were found on other data; run: ",
        ),
    ],
)
def test_a_cohort_that_is_not_there(change, message):
    with pytest.raises(CtrbenchError, match=message):
        start("din", "c2al", dataset("small"), method_settings={**COHORTS, **change})
