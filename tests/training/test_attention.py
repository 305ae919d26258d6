"""Summaries of attention weights: of the weights themselves, and that observing them changes nothing."""

from dataclasses import asdict
from itertools import islice
from math import prod

import numpy as np
import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.attention import attention_layers
from ctrbench.backbones.attentive_fm import AttentiveWeights
from ctrbench.data.schema import Split
from ctrbench.metrics.distribution import Distribution
from ctrbench.testing.runs import start
from ctrbench.training.attention import summarise_attention
from ctrbench.training.fit import fit
from ctrbench.training.history import ALL
from ctrbench.training.predict import evaluation_batches

ROWS = 40
LAYERS = {
    "dhen": ["layers.0.fm.attention", "layers.1.fm.attention"],
    "wukong": ["layers.0.fm.attention", "layers.1.fm.attention"],
    "autoint": ["layers.0", "layers.1", "layers.2"],
    "din": ["attention"],
}


def batch_of(run):
    """The rows that a summary of ``ROWS`` rows is made on: the first, the last and those between, as one batch."""
    examples = run.feed.split(Split.VALIDATION)
    places = [place * (len(examples) - 1) // (ROWS - 1) for place in range(ROWS)]
    (batch,) = evaluation_batches(run.feed, examples[torch.tensor(places)])
    return batch


@pytest.mark.parametrize(("backbone", "layers"), LAYERS.items())
def test_every_layer_is_named_and_all_of_them_are_summarised_together(small, backbone, layers):
    run = start(backbone, "plain", small)
    found = summarise_attention(run.backbone, run.feed, ROWS)
    assert [*attention_layers(run.backbone)] == layers
    assert [*found] == [*layers, *([ALL] if len(layers) > 1 else [])]
    for kind in ("parameters", "activations"):
        sizes = [found[layer][kind].size for layer in layers]
        assert found[layers[0] if len(layers) == 1 else ALL][kind].size == sum(sizes)


def test_a_backbone_without_attention_has_nothing(small):
    run = start("deepfm", "plain", small)
    assert summarise_attention(run.backbone, run.feed, ROWS) == {}


def test_a_layer_that_attends_to_nothing_has_parameters_alone(small, monkeypatch):
    run = start("dhen", "plain", small)
    monkeypatch.setattr(AttentiveWeights, "attention", lambda _, x: x.new_empty(0))
    found = summarise_attention(run.backbone, run.feed, ROWS)
    assert [[*found[layer]] for layer in (*LAYERS["dhen"], ALL)] == [["parameters"]] * 3


def test_dhens_activations_are_y_and_its_parameters_those_of_the_module(small):
    run = start("dhen", "plain", small)
    found = summarise_attention(run.backbone, run.feed, ROWS)["layers.0.fm.attention"]
    batch, layer = batch_of(run), run.backbone.layers[0].fm.attention
    y = layer(run.backbone.stacked(run.backbone.embed(batch)))
    assert found["activations"] == Distribution.of(y.detach().numpy())
    matrices = [parameter for parameter in layer.parameters() if parameter.dim() > 1]
    assert found["parameters"].size == sum(prod(matrix.shape) for matrix in matrices)
    whole = np.concatenate([matrix.detach().numpy().ravel() for matrix in matrices])
    assert found["parameters"] == Distribution.of(whole)


def test_autoints_activations_are_softmax_weights(small):
    run = start("autoint", "plain", small)
    found = summarise_attention(run.backbone, run.feed, ROWS)["layers.0"]
    layer, x = run.backbone.layers[0], run.backbone.stacked(run.backbone.embed(batch_of(run)))
    query, key, _ = layer.query_key_value.weight.chunk(3)
    scores = [
        (x @ q.t()) @ (x @ k.t()).transpose(1, 2)
        for q, k in zip(query.chunk(layer.heads), key.chunk(layer.heads), strict=True)
    ]
    weights = torch.stack(scores, 1).softmax(3).detach().numpy()
    assert found["activations"].size == weights.size
    assert found["activations"].std == pytest.approx(weights.std(), rel=1e-4)
    assert found["parameters"] == Distribution.of(torch.cat([query, key]).detach().numpy())


@pytest.mark.parametrize("backbone", LAYERS)
def test_observing_changes_no_bit_of_the_training(small, backbone):
    plain, seen = (start(backbone, "plain", small, epochs=2, looks=2) for _ in range(2))
    seen.attention_rows = ROWS
    logs = [[asdict(look) for look in fit(run)] for run in (plain, seen)]
    for one, other in zip(*(run.backbone.parameters() for run in (plain, seen)), strict=True):
        assert torch.equal(one, other)
    for off, on in zip(*logs, strict=True):
        assert off["attention"] == {}
        assert on["attention"]
        assert all(off[name] == on[name] for name in ("loss", "parts", "validation"))


@pytest.mark.parametrize("made", [1, 2, 3])
def test_a_killed_run_ends_with_every_look_of_the_whole_one(small, made):
    runs = [start("dhen", "plain", small, epochs=2, looks=2) for _ in range(3)]
    for run in runs:
        run.attention_rows = ROWS
    whole, half, resumed = runs
    list(fit(whole))
    list(islice(fit(half), made))
    resumed.restore(half.checkpoint())
    list(fit(resumed))
    assert [look.attention for look in resumed.epochs] == [look.attention for look in whole.epochs]
    assert all(len(look.attention) == 3 for look in resumed.epochs)


def test_every_backbone_can_be_observed(small):
    for name in BACKBONES.builtin():
        run = start(name, "plain", small)
        summarise_attention(run.backbone, run.feed, 5)
