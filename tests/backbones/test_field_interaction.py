"""DCN-V2, AutoInt, Wukong and DHEN against computations of their papers' equations, element by element."""

import pytest
import torch
from torch.nn import functional

from ctrbench.backbones.autoint import AutoInt, AutoIntSettings
from ctrbench.backbones.dcn_v2 import DCNV2, DCNV2Settings
from ctrbench.backbones.dhen import DHEN, DHENSettings
from ctrbench.backbones.din import DIN, DINSettings
from ctrbench.backbones.field_interaction import FieldInteractionSettings
from ctrbench.backbones.layers import field_vectors
from ctrbench.backbones.wukong import Wukong, WukongSettings
from ctrbench.data.schema import Split

SIZE = 8


@pytest.fixture
def batch(feed):
    return next(feed.batches(feed.split(Split.VALIDATION), 48))


def made(kind, feed, settings: type[FieldInteractionSettings], **own):
    torch.manual_seed(1)
    chosen = settings.read({"embedding_size": SIZE, "embedding_std": 1.0, **own}, "test")
    return kind(feed.inputs, chosen).double().eval()


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rank", [None, 3])
@pytest.mark.parametrize("structure", ["parallel", "stacked"])
def test_dcn_v2_crosses_element_by_element(feed, batch, rank, structure):
    model = made(DCNV2, feed, DCNV2Settings, crosses=2, rank=rank, structure=structure)
    embedded = model.embed(batch)
    first = field_vectors(embedded).flatten(1)
    x = first
    for layer in model.crosses:
        if rank is None:
            matrix, bias = layer.weight.weight, layer.weight.bias
        else:
            matrix, bias = layer.weight[1].weight @ layer.weight[0].weight, layer.weight[1].bias
            assert torch.linalg.matrix_rank(matrix) == rank
        x = first * (torch.einsum("ij,bj->bi", matrix, x) + bias) + x
    wanted = torch.cat([x, model.deep(first)], 1) if structure == "parallel" else model.deep(x)
    close(model.interact(embedded), wanted)


@pytest.mark.parametrize("deep", [True, False])
def test_autoint_attends_head_by_head(feed, batch, deep):
    model = made(AutoInt, feed, AutoIntSettings, layers=2, heads=2, head_size=3, deep=deep)
    embedded = model.embed(batch)
    stacked = x = field_vectors(embedded)
    for layer in model.layers:
        # Rows of the joint matrix: all heads' queries, then their keys, then their values.
        queries, keys, values = (part.split(3) for part in layer.query_key_value.weight.split(6))
        heads = []
        for query, key, value in zip(queries, keys, values, strict=True):
            score = torch.einsum("bmi,bni->bmn", x @ query.T, x @ key.T)
            weight = score.exp() / score.exp().sum(2, keepdim=True)
            heads.append(torch.einsum("bmn,bni->bmi", weight, x @ value.T))
        x = (torch.cat(heads, 2) + x @ layer.residual.weight.T).clamp(min=0)
    wanted = torch.cat([x.flatten(1), *([model.deep(stacked.flatten(1))] if deep else [])], 1)
    close(model.interact(embedded), wanted)


def fm_block(block, x, weights):
    """The block's vectors, from the matrix of all pairs of vectors."""
    pairs = torch.einsum("bmd,bnd->bmn", x, x)
    product = torch.einsum("bmn,bnk->bmk", pairs, weights.expand(len(x), -1, -1)).flatten(1)
    normal = (product - product.mean(1, keepdim=True)) / (product.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
    return block.network(normal * block.norm.weight + block.norm.bias).view(len(x), -1, x.shape[2])


def attentive(block, x):
    """Y (B, M, k), from X compressed by a sum over vectors."""
    compressed = torch.einsum("nm,bmd->bnd", block.attention.compress.weight.weight, x)
    return block.attention.network(compressed.flatten(1)).view(len(x), x.shape[1], -1)


def shortcut(layer, x):
    compress = layer.shortcut.compress
    return x if isinstance(compress, torch.nn.Identity) else torch.einsum("nm,bmd->bnd", compress.weight.weight, x)


@pytest.mark.parametrize("weights", ["attentive", "free"])
def test_wukong_stacks_blocks_of_all_pairs(feed, batch, weights):
    model = made(Wukong, feed, WukongSettings, factors=5, fm_vectors=3, linear_vectors=2, weights=weights)
    embedded = model.embed(batch)
    x = field_vectors(embedded)
    for layer in model.layers:
        own = attentive(layer.fm, x) if weights == "attentive" else layer.fm.attention.weight
        linear = torch.einsum("nm,bmd->bnd", layer.compress.weight.weight, x)
        total = torch.cat([fm_block(layer.fm, x, own), linear], 1) + shortcut(layer, x)
        x = functional.layer_norm(total, (SIZE,), layer.norm.weight, layer.norm.bias)
    assert x.shape[1:] == (5, SIZE)
    close(model.interact(embedded), model.deep(x.flatten(1)))


@pytest.mark.parametrize("weights", ["attentive", "free"])
def test_dhen_adds_an_ensemble_to_its_input(feed, batch, weights):
    model = made(DHEN, feed, DHENSettings, layers=3, factors=5, fm_vectors=2, mlp_vectors=4, weights=weights)
    embedded = model.embed(batch)
    x = field_vectors(embedded)
    for layer in model.layers:
        own = attentive(layer.fm, x) if weights == "attentive" else layer.fm.attention.weight
        deep = layer.deep.network(x.flatten(1)).view(len(x), 4, SIZE)
        total = torch.cat([fm_block(layer.fm, x, own), deep], 1) + shortcut(layer, x)
        x = functional.layer_norm(total, (SIZE,), layer.norm.weight, layer.norm.bias)
    # The first layer changes the number of vectors, so that its short cut has weights; the others add X itself.
    assert [isinstance(layer.shortcut.compress, torch.nn.Identity) for layer in model.layers[1:]] == [True, True]
    close(model.interact(embedded), model.deep(x.flatten(1)))


def test_the_attention_is_reached_by_name(feed, batch):
    model = made(DHEN, feed, DHENSettings, factors=5)
    seen = []
    model.get_submodule("layers.1.fm.attention").register_forward_hook(lambda *step: seen.append(step[2]))
    model(batch)
    assert seen[0].shape == (48, 16, 5)
    named = [name for name, _ in model.named_parameters() if name.startswith("layers.1.fm.attention.")]
    assert "layers.1.fm.attention.compress.weight.weight" in named


@pytest.mark.parametrize(("kind", "settings"), [(DCNV2, DCNV2Settings), (AutoInt, AutoIntSettings)])
def test_the_history_may_be_weighed_as_in_din(feed, batch, kind, settings):
    model = made(kind, feed, settings, history="attention")
    torch.manual_seed(2)
    din = DIN(feed.inputs, DINSettings(embedding_size=SIZE)).double().eval()
    din.attention.load_state_dict(model.attention.state_dict())
    embedded = model.embed(batch)
    seen = []
    din.deep.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    din.interact(embedded)
    close(model.stacked(embedded).flatten(1), seen[0])
