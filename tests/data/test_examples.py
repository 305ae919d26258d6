"""Batches against the rows they are cut from, one by one."""

import numpy as np
import pytest
import torch

from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError


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
        drawn = examples[torch.nonzero(examples.labels == 0).squeeze(1)]
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
    drawn = examples.labels == 0
    pairs = set(zip(small.rows["user"][examples.rows[drawn]].tolist(), examples.items[drawn].tolist(), strict=True))
    assert not pairs & owned
    assert pairs & ahead


@pytest.mark.parametrize("exponent", [0.0, 1.0])
def test_negatives_follow_popularity_to_the_exponent(small, exponent):
    negatives = small.manifest.negatives.model_copy(update={"exponent": exponent})
    manifest = small.manifest.model_copy(update={"negatives": negatives})
    weighted = Prepared(small.folder, manifest, small.rows, small.sequence, small.items, small.users)
    examples = Feed(weighted, DataSettings(negatives_per_positive=300)).epoch(0, 1)
    drawn = torch.bincount(examples.items[examples.labels == 0], minlength=len(small.items["popularity"])).numpy()
    popularity = small.items["popularity"].numpy().astype(float)
    assert drawn[0] == 0
    correlation = np.corrcoef(drawn[1:], popularity[1:])[0, 1]
    assert correlation > 0.8 if exponent else correlation < 0.5


def test_impressions_are_read_as_they_are(shown):
    examples = Feed(shown, DataSettings()).epoch(3, 1)
    assert torch.equal(examples.items, shown.rows["item"][examples.rows])
    assert torch.equal(examples.labels, shown.rows["click"][examples.rows].float())


def test_one_seed_gives_the_same_batches_and_another_does_not(small):
    feed = Feed(small, DataSettings())
    first, again, other = feed.epoch(0, 1), feed.epoch(0, 1), feed.epoch(1, 1)
    assert torch.equal(first.rows, again.rows)
    assert torch.equal(first.items, again.items)
    assert not torch.equal(first.rows, other.rows)


def test_no_training_row_is_an_error(small):
    with pytest.raises(CtrbenchError, match="no training row with 10000 clicks"):
        Feed(small, DataSettings(minimum_history=10_000))


def test_the_label_must_be_one_of_the_data(small):
    with pytest.raises(CtrbenchError, match="unknown label 'user'"):
        Feed(small, DataSettings(label="user"))


def test_the_item_must_be_among_the_fields(small):
    with pytest.raises(CtrbenchError, match="name 'item'"):
        Feed(small, DataSettings(fields=("user",)))
    with pytest.raises(CtrbenchError, match="no field 'colour'"):
        Feed(small, DataSettings(fields=("item", "colour")))
