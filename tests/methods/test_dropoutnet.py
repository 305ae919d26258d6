"""DropoutNet: what it hides, from whom, and the loss that is left."""

import pytest
import torch

from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.methods.dropoutnet import DropoutNet
from tests.methods.rivals import HISTORIES, hand_made, logloss, make, vectors


def din_logit(din, fields, clicks):
    """DIN for one row, equation 3 click by click: fields (F, D), clicks of G * D."""
    unit = din.attention
    query, interest = torch.cat([fields[1], fields[2]]), torch.zeros(8, dtype=torch.double)
    for key in clicks:
        joined = torch.cat([query, key, query - key, query * key])
        interest = interest + unit.second(unit.activation(unit.first(joined))) * key
    x = torch.cat([fields.flatten(), interest])
    for layer, activation in zip(list(din.deep)[::3], list(din.deep)[1::3], strict=True):
        y = layer.weight @ x + layer.bias
        x = torch.where(y > 0, y, activation.weight * y)
    return din.output.weight[0] @ x + din.output.bias[0]


def test_the_loss_is_that_of_rows_with_zeroed_ids(feed):
    backbone, method = make(feed, "dropoutnet")
    batch = hand_made(feed)
    embedded = backbone.embed(batch)
    clicks = [[vectors(backbone, feed, item) for item in history] for history in HISTORIES]
    for seed in range(4):
        shown = method.hide(torch.ones_like(embedded.fields), torch.Generator().manual_seed(seed))
        logits = [din_logit(backbone, embedded.fields[b] * shown[b], clicks[b]) for b in range(5)]
        loss = method.loss(backbone, batch, embedded, torch.Generator().manual_seed(seed))
        assert loss.total.item() == pytest.approx(logloss(logits), abs=1e-6)
        assert loss.parts["click"] is loss.total


@pytest.mark.parametrize(("rates", "touched"), [((0, 0), []), ((0.75, 0), [0]), ((0, 0.75), [1])])
def test_each_side_has_its_rate(feed, rates, touched):
    backbone, method = make(feed, "dropoutnet", user_rate=rates[0], item_rate=rates[1])
    fields = backbone.embed(hand_made(feed)).fields.repeat(400, 1, 1)
    view = method.hide(fields, torch.Generator().manual_seed(0))
    hidden = (view == 0).all(2)
    assert torch.equal(view[~hidden], fields[~hidden])
    for column in range(4):
        share = hidden[:, column].double().mean().item()
        assert share == (pytest.approx(0.75, abs=0.04) if column in touched else 0)


def test_users_and_items_are_hidden_independently(feed):
    backbone, method = make(feed, "dropoutnet")
    fields = backbone.embed(next(feed.batches(feed.split(Split.VALIDATION), 200))).fields.repeat(50, 1, 1)
    hidden = (method.hide(fields, torch.Generator().manual_seed(0)) == 0).all(2)
    user, item = hidden[:, 0], hidden[:, 1]
    assert not hidden[:, 2:].any()
    tolerance = 4 * (0.25 / len(fields)) ** 0.5
    assert user.double().mean().item() == pytest.approx(0.5, abs=tolerance)
    assert item.double().mean().item() == pytest.approx(0.5, abs=tolerance)
    assert (user & item).double().mean().item() == pytest.approx(0.25, abs=tolerance)


def test_a_run_without_the_users_id_is_refused(feed):
    manifest = feed.prepared.manifest
    for known in (manifest, None):
        assert DropoutNet.refuses("din", DataSettings(fields=("user", "item")), DropoutNet.Settings(), known) is None
        assert "'user'" in DropoutNet.refuses(
            "din", DataSettings(fields=("item", "brand")), DropoutNet.Settings(), known
        )
