"""The shared bottom against its formula, and its settings."""

import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.multitask.shared_bottom import SharedBottom, SharedBottomSettings
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.errors import CtrbenchError
from ctrbench.testing.runs import TWO_TASKS

SMALL = {"embedding_size": 8, "hidden": (16, 12), "embedding_std": 1.0}


@pytest.fixture
def two_tasks(orders):
    return Feed(orders, TWO_TASKS)


def make(feed, bottom, **settings):
    torch.manual_seed(1)
    read = SharedBottomSettings(bottom=bottom, bottom_settings=SMALL, **settings)
    return SharedBottom(feed.inputs, read, len(feed.tasks.trained)).double().eval()


@pytest.mark.parametrize("bottom", ["din", "deepfm", "wide-deep"])
def test_logits_are_each_towers_output_beside_the_bottoms_own(two_tasks, bottom):
    model = make(two_tasks, bottom, tower=(5, 3))
    batch = next(two_tasks.batches(two_tasks.split(Split.VALIDATION), 48))
    embedded = model.embed(batch)
    h = model.interact(embedded)
    assert torch.equal(h, model.bottom.interact(model.bottom.embed(batch)))
    logits = []
    for t, tower in enumerate(model.output.towers):
        x = h
        first, second, last = [layer for layer in tower.modules() if isinstance(layer, torch.nn.Linear)]
        for layer in (first, second):
            x = torch.relu(x @ layer.weight.t() + layer.bias)
        logit = x @ last.weight[0] + last.bias
        logits.append(logit if embedded.shallow is None else logit + embedded.shallow[:, t])
    assert (first.out_features, second.out_features) == (5, 3)
    torch.testing.assert_close(model(batch), torch.stack(logits, 1), rtol=0, atol=1e-9)
    if bottom != "din":
        assert embedded.shallow.shape == (48, 2)
        assert not torch.allclose(embedded.shallow[:, 0], embedded.shallow[:, 1])


def test_towers_need_no_hidden_layer(two_tasks):
    model = make(two_tasks, "din", tower=())
    batch = next(two_tasks.batches(two_tasks.split(Split.VALIDATION), 48))
    h = model.interact(model.embed(batch))
    expected = torch.cat([h @ t[1].weight.t() + t[1].bias for t in model.output.towers], 1)
    torch.testing.assert_close(model(batch), expected, rtol=0, atol=1e-12)


def test_it_keeps_no_layer_of_the_bottom_that_nothing_reads(two_tasks):
    model = make(two_tasks, "din")
    assert not [name for name, _ in model.named_parameters() if name.startswith("bottom.output")]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bottom": "dinn"}, "unknown backbone 'dinn'; did you mean din?"),
        (
            {"bottom": "shared-bottom"},
            "bottom_settings: shared-bottom has parts for each task already",
        ),
        (
            {"bottom_settings": {"attentoin": 4}},
            "din: unknown key 'attentoin'; did you mean attention?",
        ),
        (
            {"bottom": "deepfm", "bottom_settings": {"attention": 4}},
            "backbones.shared-bottom: bottom_settings: deepfm: unknown key 'attention'",
        ),
        (
            {"bottom_settings": {"hidden": "wide"}},
            "hidden: input should be a list (got 'wide')",
        ),
        ({"bottom_settings": 3}, "backbones.shared-bottom: bottom_settings: input should be a table"),
        ({"bottom": 3}, "backbones.shared-bottom: bottom: input should be a valid string"),
    ],
)
def test_faults_in_its_settings_are_one_line(settings, message):
    with pytest.raises(CtrbenchError) as error:
        SharedBottomSettings.read(settings, "backbones.shared-bottom")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_naming_a_default_of_the_bottom_changes_nothing():
    named = SharedBottomSettings(bottom_settings={"attention": 36, "hidden": [128, 64], "dropout": 0.1})
    assert named.bottom_settings == {"dropout": 0.1}
    assert SharedBottomSettings(bottom_settings={"attention": 36}) == SharedBottomSettings()
    dumped = named.model_dump(mode="json")
    assert SharedBottomSettings.read(dumped, "again") == named


def test_the_bottom_has_the_same_first_weights_as_alone(two_tasks):
    torch.manual_seed(3)
    alone = BACKBONES.get("din")(two_tasks.inputs, BACKBONES.get("din").Settings(), 2)
    torch.manual_seed(3)
    under = SharedBottom(two_tasks.inputs, SharedBottomSettings(), 2)
    assert torch.equal(alone.deep[0].weight, under.bottom.deep[0].weight)
