"""Lazy Adam on embedding tables, against Adam on whole tables."""

import pytest
import torch

from ctrbench.backbones.base import EmbeddingTable
from ctrbench.errors import CtrbenchError
from ctrbench.testing.runs import start
from ctrbench.training.fit import fit
from ctrbench.training.lazy_adam import REMEMBERED, LazyAdam
from ctrbench.training.settings import TrainingSettings

ROWS, SIZE = 50, 4


def trained(table, steps, *, rate=0.01, decay=0.0, lazy, looked=None):
    """Trains a table toward targets on a few rows a step; returns what each look-up saw."""
    generator = torch.Generator().manual_seed(7)
    targets = torch.randn(ROWS, SIZE, generator=generator)
    optimizer = LazyAdam([table], decay, [table.weight]) if lazy else torch.optim.Adam([table.weight], lr=rate)
    seen = []
    for step in range(steps):
        rate_now = rate * (1 - step / steps)
        # The first rows often, the last ones hardly ever: gaps from 1 to hundreds of steps.
        ids = (torch.rand(6, generator=generator) ** 4 * ROWS).int() if looked is None else looked(step)
        vectors = table.look_up(ids)
        seen.append(vectors.detach().clone())
        table.weight.grad = None
        # Noise keeps the gradients far above Adam's epsilon, which alone the two forms treat differently.
        noise = torch.randn(vectors.shape, dtype=vectors.dtype, generator=generator)
        (vectors - targets[ids.long()] - noise).square().sum().backward()
        if lazy:
            optimizer.step(rate_now)
        else:
            table.weight.grad = table.weight.grad.to_dense()
            with torch.no_grad():
                table.weight.mul_(1 - rate_now * decay)
            optimizer.param_groups[0]["lr"] = rate_now
            optimizer.step()
    if lazy:
        optimizer.flush()
    return seen


def tables(dtype=torch.float64):
    start = torch.randn(ROWS, SIZE, dtype=dtype, generator=torch.Generator().manual_seed(1))
    return EmbeddingTable(start.clone()), EmbeddingTable(start.clone())


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_every_look_up_and_the_end_are_those_of_dense_adam(decay):
    dense, lazy = tables()
    expected = trained(dense, 3000, decay=decay, lazy=False)
    found = trained(lazy, 3000, decay=decay, lazy=True)
    torch.testing.assert_close(torch.stack(found), torch.stack(expected), rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(lazy.weight, dense.weight, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("gap", [1, 10, 100, REMEMBERED - 1, REMEMBERED, REMEMBERED + 1, 3 * REMEMBERED])
@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_a_gap_of_any_length_is_caught_up_at_once(gap, decay):
    """A row is looked up at the start, once again after a gap, and at the end; another one in every step."""

    def looked(step):
        return torch.tensor([0, 1] if step in (0, 1, gap + 2) else [1])

    dense, lazy = tables()
    for table, is_lazy in ((dense, False), (lazy, True)):
        trained(table, gap + 4, decay=decay, lazy=is_lazy, looked=looked)
    assert dense.weight[0].ne(tables()[0].weight[0]).all()
    torch.testing.assert_close(lazy.weight, dense.weight, rtol=1e-6, atol=1e-8)


def test_a_row_that_is_never_looked_up_only_shrinks():
    kept, shrunk = tables()
    before = kept.weight.detach()[-1].clone()
    for table, decay in ((kept, 0.0), (shrunk, 0.5)):
        trained(table, 40, rate=0.1, decay=decay, lazy=True, looked=lambda _: torch.tensor([0]))
    assert torch.equal(kept.weight[-1], before)
    factor = torch.tensor([1 - 0.1 * (1 - step / 40) * 0.5 for step in range(40)]).prod()
    torch.testing.assert_close(shrunk.weight[-1], before * factor)


def test_only_the_tables_that_l2_acts_on_shrink():
    penalised, free = tables()
    optimizer = LazyAdam([penalised, free], 0.5, [penalised.weight])
    before = free.weight.detach().clone()
    for _ in range(3):
        penalised.look_up(torch.tensor([0])).sum().backward()
        free.look_up(torch.tensor([0])).sum().backward()
        optimizer.step(0.1)
    optimizer.flush()
    assert torch.equal(free.weight[1:], before[1:])
    torch.testing.assert_close(penalised.weight[1:], before[1:] * (1 - 0.1 * 0.5) ** 3)


@pytest.mark.parametrize(
    ("backbone", "method"), [("din", "plain"), ("wide-deep", "plain"), ("deepfm", "aqcl"), ("din", "deepmcp")]
)
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_a_run_is_that_of_dense_adam(orders, backbone, method, l2):
    settings = {"penalty": 0.0, "embedding_l2": l2, "embedding_l2_form": "decoupled", "epochs": 3, "looks": 2}
    found = {}
    for kind in ("dense", "lazy"):
        run = start(backbone, method, orders, **settings, embedding_adam=kind)
        found[kind] = list(fit(run)), run
    (expected, dense), (epochs, lazy) = found["dense"], found["lazy"]
    assert [e.loss for e in epochs] == pytest.approx([e.loss for e in expected], rel=1e-4)
    losses = [[epoch.validation["click"]["logloss"] for epoch in looks] for looks in (epochs, expected)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    for table, other in zip(lazy.backbone.embedding_tables(), dense.backbone.embedding_tables(), strict=True):
        assert (table - other).norm() <= 1e-3 * other.norm() + 1e-6


def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(orders):
    settings = {"penalty": 0.0, "embedding_l2": 0.3, "embedding_l2_form": "decoupled", "epochs": 2, "looks": 2}
    whole = start("din", "plain", orders, **settings, embedding_adam="lazy")
    looks = fit(whole)
    next(looks)
    checkpoint = whole.checkpoint()
    list(looks)
    resumed = start("din", "plain", orders, **settings, embedding_adam="lazy")
    resumed.restore(checkpoint)
    assert len(list(fit(resumed))) == 3
    for parameter, other in zip(resumed.backbone.parameters(), whole.backbone.parameters(), strict=True):
        assert torch.equal(parameter, other)


def test_coupled_l2_has_no_lazy_form():
    with pytest.raises(CtrbenchError, match="takes no coupled L2"):
        TrainingSettings.read({"embedding_adam": "lazy", "embedding_l2": 0.1}, "training")
    TrainingSettings.read({"embedding_adam": "lazy"}, "training")
