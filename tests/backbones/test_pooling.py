"""Fields and means of the history looked up as one, against torch's operations."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from ctrbench.backbones.layers import FieldEmbedding, field_vectors
from ctrbench.data.batch import Batch
from ctrbench.testing.runs import start
from ctrbench.training.settings import TrainingSettings

pytest.importorskip("numba", reason="needs ctrbench[fast]")

SIZES = (7, 11, 3)
ITEM_SIDE = (1, 2)
INPUTS = SimpleNamespace(fields=[SimpleNamespace(size=size) for size in SIZES], item_side=ITEM_SIDE)
LENGTHS = [
    pytest.param([3, 0, 1, 7, 0, 20], id="rows without a history"),
    pytest.param([0, 0], id="no history at all"),
    pytest.param([1], id="one click"),
]


def table(*, fused, dtype=torch.float32):
    torch.manual_seed(0)
    made = FieldEmbedding(INPUTS, 5, 1.0).to(dtype)
    made.fused = fused
    return made


def batch(lengths):
    """Ids that repeat within a row and between rows."""
    torch.manual_seed(1)
    offsets = torch.cat([torch.zeros(1, dtype=torch.int64), torch.tensor(lengths).cumsum(0)])
    ids = torch.stack([torch.randint(size, (len(lengths),)) for size in SIZES], 1).int()
    history = torch.stack([torch.randint(SIZES[place], (sum(lengths),)) for place in ITEM_SIDE], 1).int()
    owners = torch.repeat_interleave(torch.tensor(lengths))
    return Batch(ids, history, offsets, owners, torch.zeros(len(lengths), 1), torch.tensor(lengths).float())


def gradient(made, vectors):
    """Of the table, as a backward pass leaves it there."""
    torch.manual_seed(2)
    vectors.backward(torch.randn_like(vectors))
    found = made.weight.grad
    return found.to_dense() if found.is_sparse else found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("lengths", LENGTHS)
def test_vectors_and_gradient_are_those_of_the_operations(lengths, dtype):
    rows, tolerance = batch(lengths), {"rtol": 0, "atol": 1e-6 if dtype == torch.float32 else 1e-14}
    found = {}
    for fused in (False, True):
        made = table(fused=fused, dtype=dtype)
        embedded = made.embedded(rows)
        assert (embedded.pooled is not None) == fused
        vectors = field_vectors(embedded)
        torch.testing.assert_close(embedded.fields, vectors[:, : len(SIZES)], rtol=0, atol=0)
        found[fused] = vectors.detach(), gradient(made, vectors)
    for ours, theirs in zip(found[True], found[False], strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)


def test_a_history_that_is_asked_for_adds_its_own_gradient():
    rows, found = batch([3, 0, 2]), []
    for fused in (False, True):
        made = table(fused=fused, dtype=torch.float64)
        embedded = made.embedded(rows)
        assert embedded.history is embedded.history
        found.append(gradient(made, field_vectors(embedded).sum() + embedded.history.square().sum()))
    torch.testing.assert_close(*found, rtol=0, atol=1e-13)


def test_other_vectors_are_pooled_anew():
    embedded = table(fused=True).embedded(batch([3, 0, 2]))
    other = embedded.with_vectors(embedded.fields, 2 * embedded.history)
    means = (field_vectors(each)[:, len(SIZES) :] for each in (embedded, other))
    torch.testing.assert_close(2 * next(means), next(means))


@pytest.mark.parametrize("fused", [False, True])
def test_parts_of_the_vectors_are_those_of_the_whole(fused):
    whole = replace(table(fused=fused).embedded(batch([3, 0, 2])), shallow=torch.ones(3, 1))
    doubled = replace(
        whole,
        fields=whole.fields.repeat(1, 1, 2),
        look_up_history=lambda: whole.history.repeat(1, 1, 2),
        pooled=None if whole.pooled is None else whole.pooled.repeat(1, 1, 2),
    )
    for part in doubled.chunks(2):
        for ours, theirs in ((part.fields, whole.fields), (part.history, whole.history)):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=0)
        torch.testing.assert_close(field_vectors(part), field_vectors(whole))
        assert part.shallow is whole.shallow


@pytest.mark.parametrize(
    ("training", "added"),
    [({}, True), ({"probe_every": 2}, False), ({"balance": "pcgrad"}, False), ({"balance": "sum"}, True)],
)
def test_the_optimiser_takes_the_gradient_where_no_step_asks_for_parts_of_it(feed, training, added):
    run = start("deepfm", "icl", feed.prepared, kernels="fused", **training)
    assert TrainingSettings.read(training, "training").takes_gradients_apart is not added
    assert (run.backbone.embedding.gradient is not None) == added


@pytest.mark.parametrize("backbone", ["deepfm", "wide-deep", "dhen", "mlp"])
@pytest.mark.parametrize("method", ["plain", "icl", "dropoutnet", "deepmcp"])
@pytest.mark.parametrize("training", [{}, {"embedding_l2": 1e-3}, {"balance": "pcgrad"}, {"probe_every": 1}])
def test_a_run_trains_as_with_torchs_operations(feed, backbone, method, training):
    losses = {}
    for kernels in ("reference", "fused"):
        run = start(backbone, method, feed.prepared, kernels=kernels, seed=1, **training)
        batches = list(run.feed.batches(run.feed.epoch(0, 1), 256))[:4]
        generator = torch.Generator().manual_seed(0)
        torch.manual_seed(0)
        losses[kernels] = [float(run.step(each, 1e-2, generator).total) for each in batches]
    assert losses["fused"] == pytest.approx(losses["reference"], rel=2e-3)
