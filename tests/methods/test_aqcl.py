"""What AQCL's loss holds in memory: of B rows one B x B matrix of similarities, never B x B x anything."""

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ctrbench.data.examples import Feed
from ctrbench.data.settings import DataSettings
from ctrbench.methods.aqcl import AQCL, AQCLSettings
from ctrbench.testing.runs import start
from tests.fakes.prepared import manifest

ROWS = 2000
"""B: more than any row's share of the backbone's tensors, so that B x B is the largest."""


class Sizes(TorchDispatchMode):
    """Elements of every tensor that an operation gives."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        given = func(*args, **(kwargs or {}))
        self.seen |= {leaf.numel() for leaf in tree_leaves(given) if isinstance(leaf, Tensor)}
        return given


def forward_and_backward(feed: Feed, method: str) -> tuple[set[int], set[int]]:
    """Sizes of the tensors that one step makes."""
    run = start("din", method, feed.prepared)
    batch = next(feed.batches(feed.epoch(0, 1), ROWS))
    assert len(batch.labels) == ROWS
    with Sizes() as forward:
        loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator().manual_seed(0))
    with Sizes() as backward:
        loss.total.backward()
    return forward.seen, backward.seen


def test_no_tensor_is_larger_than_the_similarities_of_a_batch(feed):
    for sizes in forward_and_backward(feed, "aqcl"):
        # Both passes are watched: each touches the matrix itself.
        assert max(sizes) == ROWS**2


def test_the_backbones_own_tensors_stay_below_them(feed):
    for sizes in forward_and_backward(feed, "plain"):
        assert max(sizes) < ROWS**2 / 2


def test_what_is_larger_would_be_seen():
    z = torch.randn(9, 4, requires_grad=True)
    with Sizes() as forward:
        products = (z.unsqueeze(1) * z).sum(2)
    with Sizes() as backward:
        products.sum().backward()
    assert max(forward.seen) == max(backward.seen) == 9 * 9 * 4


@pytest.mark.parametrize(("constant", "refused"), [(None, True), (0.5, False)])
def test_alpha_needs_click_histories(constant, refused):
    settings = AQCLSettings(constant_alpha=constant)
    reason = AQCL.refuses("deepfm", DataSettings(), settings, manifest(mean_click_length=0.0))
    assert (reason is not None) == refused
    assert AQCL.refuses("deepfm", DataSettings(), settings, manifest()) is None
