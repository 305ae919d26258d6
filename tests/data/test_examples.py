"""Batches against the rows they are cut from, one by one."""

import itertools

import numpy as np
import pytest
import torch

from ctrbench.data.examples import SEARCH_HOLDOUT, Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Cohort, Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.testing.data import FIELDS
from ctrbench.testing.runs import FUNNEL


def test_batches_hold_every_row_with_its_own_latest_clicks(feed, small):
    examples = feed.split(Split.VALIDATION)
    seen = 0
    for batch in feed.batches(examples, 32):
        for b in range(len(batch.ids)):
            row = int(examples.rows[seen])
            start, length = int(small.rows["start"][row]), int(small.rows["length"][row])
            expected = small.sequence[max(start, start + length - 12) : start + length]
            own = batch.history[batch.offsets[b] : batch.offsets[b + 1]]
            assert own[:, 0].tolist() == expected.tolist()
            assert own[:, 1].tolist() == small.items["brand"][expected].tolist()
            assert (batch.owners[batch.offsets[b] : batch.offsets[b + 1]] == b).all()
            assert batch.click_length[b] == length
            user, item = int(small.rows["user"][row]), int(small.rows["item"][row])
            assert batch.ids[b].tolist() == [user, item, int(small.items["brand"][item]), int(small.users["age"][user])]
            assert batch.labels[b].item() == small.rows["click"][row]
            seen += 1
    assert seen == len(examples) == small.manifest.splits["validation"].rows


def test_fresh_negatives_change_each_epoch_and_fixed_ones_do_not(small):
    def negatives(kind, epoch):
        examples = Feed(small, DataSettings(negatives=kind)).epoch(0, epoch)
        drawn = examples[torch.nonzero(examples.labels[:, 0] == 0).squeeze(1)]
        return sorted(zip(drawn.rows.tolist(), drawn.items.tolist(), strict=True))

    assert negatives("fresh", 1) != negatives("fresh", 2)
    assert negatives("fixed", 1) == negatives("fixed", 2)
    assert len(negatives("fresh", 1)) == (Feed(small, DataSettings()).epoch(0, 1).labels == 1).sum()


def test_training_negatives_avoid_the_users_training_items_only(small):
    feed = Feed(small, DataSettings(negatives_per_positive=20))
    train = small.indices(Split.TRAIN)
    owned = set(zip(small.rows["user"][train].tolist(), small.rows["item"][train].tolist(), strict=True))
    later = small.indices(Split.TEST)
    later = later[small.rows["click"][later] == 1]
    ahead = set(zip(small.rows["user"][later].tolist(), small.rows["item"][later].tolist(), strict=True)) - owned
    examples = feed.epoch(0, 1)
    drawn = examples.labels[:, 0] == 0
    pairs = set(zip(small.rows["user"][examples.rows[drawn]].tolist(), examples.items[drawn].tolist(), strict=True))
    assert not pairs & owned
    assert pairs & ahead


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_negatives_follow_popularity_to_the_exponent(small, exponent):
    negatives = small.manifest.negatives.model_copy(update={"exponent": exponent})
    manifest = small.manifest.model_copy(update={"negatives": negatives})
    weighted = Prepared(small.folder, manifest, small.rows, small.sequence, small.items, small.users)
    examples = Feed(weighted, DataSettings(negatives_per_positive=300)).epoch(0, 1)
    drawn = torch.bincount(examples.items[examples.labels[:, 0] == 0], minlength=len(small.items["popularity"])).numpy()
    popularity = small.items["popularity"].numpy().astype(float)
    assert drawn[0] == 0
    correlation = np.corrcoef(drawn[1:], popularity[1:])[0, 1]
    assert correlation > 0.8 if exponent else correlation < 0.5


def test_impressions_are_read_as_they_are(shown):
    examples = Feed(shown, DataSettings()).epoch(3, 1)
    assert torch.equal(examples.items, shown.rows["item"][examples.rows])
    assert torch.equal(examples.labels[:, 0], shown.rows["click"][examples.rows].float())


def test_one_seed_gives_the_same_batches_and_another_does_not(small):
    feed = Feed(small, DataSettings())
    first, again, other = feed.epoch(0, 1), feed.epoch(0, 1), feed.epoch(1, 1)
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.items, again.items)
    assert not torch.equal(first.rows, other.rows)


def test_no_training_row_is_an_error(small):
    with pytest.raises(CtrbenchError, match="no training row with 10000 clicks"):
        Feed(small, DataSettings(minimum_history=10_000))


@pytest.fixture
def clean(small):
    """``small`` with nonsense in every validation and test row and in the clicks of these rows."""
    clicked = torch.nonzero(small.rows["click"] == 1).squeeze(1)
    sequence = torch.where(small.rows["split"][clicked] == Split.TRAIN, small.sequence, 0)
    rows = dict(small.rows)
    for name, nonsense in (("item", 0), ("click", 5), ("length", 10_000), ("start", 0)):
        rows[name] = torch.where(rows["split"] == Split.TRAIN, rows[name], nonsense).to(rows[name].dtype)
    return Prepared(small.folder, small.manifest, rows, sequence, small.items, small.users)


def pairs_of(prepared, rows, items=None):
    items = prepared.rows["item"][rows] if items is None else items
    return set(zip(prepared.rows["user"][rows].tolist(), items.tolist(), strict=True))


def held_out(prepared):
    """Rows of the search holdout, as the manifest counts them."""
    return getattr(prepared.manifest, SEARCH_HOLDOUT).rows


def test_rows_set_aside_stand_in_for_validation_and_are_not_trained_on(small):
    feed = Feed(small, DataSettings(minimum_history=0), search_holdout=True)
    train = small.indices(Split.TRAIN)
    aside = train[small.rows[SEARCH_HOLDOUT][train] == 1]
    assert len(aside) == held_out(small) > 50
    judged = feed.split(Split.VALIDATION)
    assert judged.rows[judged.labels[:, 0] == 1].tolist() == aside.tolist()
    for epoch in (1, 2):
        examples = feed.epoch(0, epoch)
        assert set(examples.rows.tolist()) == set(train.tolist()) - set(aside.tolist())
    without = Feed(small, DataSettings(minimum_history=0))
    assert set(without.epoch(0, 1).rows.tolist()) == set(train.tolist())
    assert without.split(Split.VALIDATION).rows.tolist() == small.indices(Split.VALIDATION).tolist()


@pytest.mark.parametrize("minimum_history", [0, 3])
def test_a_minimum_history_is_of_trained_rows_alone(small, minimum_history):
    feed = Feed(small, DataSettings(minimum_history=minimum_history), search_holdout=True)
    assert small.rows["length"][feed.epoch(0, 1).rows].min() == minimum_history
    assert len(feed.split(Split.VALIDATION)) == 2 * held_out(small)


def test_training_does_not_know_the_items_set_aside_and_judging_knows_them(small):
    feed = Feed(small, DataSettings(minimum_history=0, negatives_per_positive=40), search_holdout=True)
    train = small.indices(Split.TRAIN)
    aside = small.rows[SEARCH_HOLDOUT][train] == 1
    kept, hidden = pairs_of(small, train[~aside]), pairs_of(small, train[aside])
    examples, judged = feed.epoch(0, 1), feed.split(Split.VALIDATION)
    drawn = pairs_of(small, examples.rows[examples.labels[:, 0] == 0], examples.items[examples.labels[:, 0] == 0])
    assert not drawn & kept
    assert drawn & (hidden - kept)
    negatives = judged.labels[:, 0] == 0
    assert negatives.sum() == held_out(small)
    assert not pairs_of(small, judged.rows[negatives], judged.items[negatives]) & (kept | hidden)


def test_every_trial_is_judged_by_the_same_rows(small):
    feeds = [Feed(small, DataSettings(negatives_per_positive=n, history_length=n), search_holdout=True) for n in (1, 7)]
    one, other = (feed.split(Split.VALIDATION) for feed in feeds)
    for name in ("rows", "items", "labels"):
        assert torch.equal(getattr(one, name), getattr(other, name))


def same(one, other):
    return one is other if one is None else torch.equal(one, other)


def test_a_trial_reads_nothing_outside_training(small, clean):
    feeds = [Feed(prepared, DataSettings(fields=FIELDS), search_holdout=True) for prepared in (small, clean)]
    for examples in zip(*((f.epoch(0, 1), f.split(Split.VALIDATION)) for f in feeds), strict=True):
        assert small.rows["split"][examples[0].rows].unique().tolist() == [Split.TRAIN]
        for one, other in zip(*(feed.batches(e, 64) for feed, e in zip(feeds, examples, strict=True)), strict=True):
            assert all(same(value, getattr(other, name)) for name, value in vars(one).items())


def test_no_history_of_a_trained_row_holds_a_click_set_aside(small):
    feed = Feed(small, DataSettings(minimum_history=0, history_length=10_000), search_holdout=True)
    clicked = torch.nonzero(small.rows["click"] == 1).squeeze(1)
    aside = torch.nonzero(small.rows[SEARCH_HOLDOUT][clicked] == 1).squeeze(1)
    rows = feed.epoch(0, 1).rows
    start, end = small.rows["start"][rows], small.rows["start"][rows] + small.rows["length"][rows]
    inside = (start.unsqueeze(1) <= aside) & (aside < end.unsqueeze(1))
    assert not inside.any()


def test_impressions_set_aside_are_judged_as_they_are(shown):
    judged = Feed(shown, DataSettings(), search_holdout=True).split(Split.VALIDATION)
    assert judged.rows.tolist() == torch.nonzero(shown.rows[SEARCH_HOLDOUT] == 1).squeeze(1).tolist()
    assert torch.equal(judged.items, shown.rows["item"][judged.rows])
    assert torch.equal(judged.labels[:, 0], shown.rows["click"][judged.rows].float())
    assert 0 < judged.labels.sum() < len(judged)


@pytest.mark.parametrize("split", [Split.TEST, Split.TRAIN])
def test_a_trial_may_not_read_other_rows(small, split):
    with pytest.raises(CtrbenchError, match="rows were read before the training ended"):
        Feed(small, DataSettings(), search_holdout=True).split(split)


def test_data_without_a_row_set_aside_cannot_be_searched(small):
    rows = small.rows | {SEARCH_HOLDOUT: torch.zeros_like(small.rows[SEARCH_HOLDOUT])}
    bare = Prepared(small.folder, small.manifest, rows, small.sequence, small.items, small.users)
    Feed(bare, DataSettings())
    with pytest.raises(CtrbenchError, match="small: the search holdout is empty, so no search is possible"):
        Feed(bare, DataSettings(), search_holdout=True)


def test_the_label_must_be_one_of_the_data(small):
    with pytest.raises(CtrbenchError, match="unknown label 'user'"):
        Feed(small, DataSettings(tasks=("user",)))


def test_the_item_must_be_among_the_fields(small):
    with pytest.raises(CtrbenchError, match="name 'item'"):
        Feed(small, DataSettings(fields=("user",)))
    with pytest.raises(CtrbenchError, match="no field 'colour'"):
        Feed(small, DataSettings(fields=("item", "colour")))


@pytest.fixture
def two_labels(small):
    """Sampled negatives, and a second label: conversions of the clicks on items of an even number."""
    manifest = small.manifest.model_copy(update={"labels": ("click", "conversion")})
    conversion = small.rows["click"] * (small.rows["item"] % 2 == 0)
    rows = small.rows | {"conversion": conversion.to(torch.int8)}
    return Prepared(small.folder, manifest, rows, small.sequence, small.items, small.users)


def test_labels_stand_in_the_order_of_the_tasks(orders):
    for tasks in (("click", "conversion"), ("conversion", "click")):
        feed = Feed(orders, DataSettings(tasks=tasks))
        examples = feed.epoch(0, 1)
        batch = next(feed.batches(examples, 100))
        assert batch.labels.shape == (100, 2)
        assert batch.observed is None
        for t, task in enumerate(tasks):
            assert torch.equal(batch.labels[:, t], orders.rows[task][examples.rows[:100]].float())


def test_a_sampled_negative_is_one_of_every_task_and_meets_no_condition(two_labels):
    data = DataSettings(tasks=("click", "conversion"), given={"conversion": "click"}, negatives_per_positive=2)
    feed = Feed(two_labels, data)
    examples = feed.epoch(0, 1)
    drawn = examples.items != two_labels.rows["item"][examples.rows]
    assert examples.labels[drawn].sum() == 0
    stored = examples.labels[:, 0] == 1
    assert 3 * stored.sum() == len(examples)
    assert torch.equal(examples.labels[stored, 1], two_labels.rows["conversion"][examples.rows[stored]].float())
    assert torch.equal(examples.observed, torch.stack([torch.ones_like(stored), stored], 1))


def test_a_condition_marks_the_rows_that_meet_it(orders):
    feed = Feed(orders, DataSettings(tasks=("conversion", "click"), given={"conversion": "click"}))
    examples = feed.split(Split.VALIDATION)
    clicked = orders.rows["click"][examples.rows] == 1
    batches = list(feed.batches(examples, 64))
    observed = torch.cat([batch.observed for batch in batches])
    assert torch.equal(observed, torch.stack([clicked, torch.ones_like(clicked)], 1))
    targets = feed.targets(examples)
    assert targets.observed["conversion"].tolist() == clicked.tolist()
    assert targets.observed["click"] is None
    assert targets.of("conversion").tolist() == (orders.rows["conversion"][examples.rows][clicked] == 1).tolist()
    assert targets.of("click").tolist() == clicked.tolist()


def test_a_conditional_task_is_measured_on_the_rows_of_its_condition(orders):
    feed = Feed(orders, FUNNEL)
    examples = feed.split(Split.VALIDATION)
    clicked = orders.rows["click"][examples.rows] == 1
    targets = feed.targets(examples)
    assert 0 < clicked.sum() < len(examples)
    assert targets.observed["cvr"].tolist() == clicked.tolist()
    assert targets.observed["conversion"] is None
    assert targets.of("cvr").tolist() == (orders.rows["conversion"][examples.rows][clicked] == 1).tolist()


def test_the_cohorts_that_a_method_asks_for_come_along(small):
    """A sampled negative has its user's group and its own item's."""
    taste = torch.arange(len(small.items["brand"]), dtype=torch.int16) % 3 - 1
    cohorts = (*small.manifest.cohorts, Cohort(name="taste", source="item", values=("a", "b")))
    manifest = small.manifest.model_copy(update={"cohorts": cohorts})
    prepared = Prepared(small.folder, manifest, small.rows, small.sequence, small.items | {"taste": taste}, small.users)
    feed = Feed(prepared, DataSettings(), cohorts=("taste", "age_group"))
    assert [cohort.name for cohort in feed.cohorts] == ["taste", "age_group"]
    examples = feed.epoch(0, 1)
    batch = next(feed.batches(examples, 200))
    users = small.rows["user"][examples.rows[:200]]
    assert batch.cohorts.dtype == torch.int32
    assert batch.cohorts[:, 0].tolist() == taste[examples.items[:200]].tolist()
    assert batch.cohorts[:, 1].tolist() == small.users["age_group"][users].tolist()
    assert -1 in batch.cohorts[:, 0]
    with pytest.raises(CtrbenchError, match="small: unknown cohort 'age_grup'; did you mean age_group"):
        Feed(prepared, DataSettings(), cohorts=("age_grup",))


@pytest.mark.parametrize("positions", [1, 40, 10_000])
def test_batches_are_bounded_by_positions(feed, positions):
    examples = feed.split(Split.VALIDATION)
    batches = list(feed.batches(examples, 64, positions=positions))
    assert torch.equal(torch.cat([batch.labels for batch in batches]), examples.labels)
    assert torch.equal(
        torch.cat([batch.history for batch in batches]),
        torch.cat([batch.history for batch in feed.batches(examples, 64)]),
    )
    for batch in batches:
        assert len(batch.labels) <= 64
        assert len(batch.history) <= positions or len(batch.labels) == 1
    # No batch could have taken the next one's first row too.
    for batch, after in itertools.pairwise(batches):
        full = len(batch.labels) == 64 or len(batch.history) + int(after.offsets[1]) > positions
        assert full
    if positions == 10_000:
        assert [len(batch.labels) for batch in batches] == [len(b.labels) for b in feed.batches(examples, 64)]
