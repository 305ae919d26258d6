"""Adam and L2 on embedding tables as one loop, against torch's Adam and the penalty as torch operations."""

import pytest
import torch

from ctrbench.backbones.base import EmbeddingTable
from ctrbench.backbones.kernels import kernels_of
from ctrbench.testing.runs import TWO_TASKS, start
from ctrbench.training.fit import fit
from ctrbench.training.fused_adam import FusedAdam
from ctrbench.training.optimizer import Optimizer
from ctrbench.training.table_l2 import TableL2

pytest.importorskip("numba", reason="needs ctrbench[fast]")

ROWS, SIZE = 20, 3


def reference(weights, losses, rates, l2, form):
    """Torch's Adam on dense gradients; weights after it, and the penalties."""
    table = torch.nn.Parameter(weights.clone())
    adam, penalty, penalties = torch.optim.Adam([table]), TableL2(l2, [table]), []
    for loss, rate in zip(losses, rates, strict=True):
        table.grad = torch.autograd.grad(loss(lambda ids, table=table: table[ids]), table)[0]
        adam.param_groups[0]["lr"] = rate
        if form == "coupled":
            penalties.append(float(penalty.add_gradient()))
        else:
            penalty.shrink(rate)
            penalties.append(0.0)
        adam.step()
    return table, penalties


def losses_of(steps, shape):
    """Losses that read some rows twice, in two look-ups."""
    generator = torch.Generator().manual_seed(3)
    targets = torch.randn(shape, dtype=torch.float64, generator=generator)
    for _ in range(steps):
        first, second = torch.randint(0, len(targets), (2, 8), generator=generator)
        yield lambda rows, a=first, b=second: (rows(a) - targets[a]).square().sum() + (rows(b) * targets[b]).sum()


@pytest.mark.parametrize("shape", [(ROWS, SIZE), (ROWS, 1)])
@pytest.mark.parametrize(("l2", "form"), [(0.0, "coupled"), (0.3, "coupled"), (0.3, "decoupled")])
def test_every_step_is_that_of_torch(shape, l2, form):
    steps = 40
    weights = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    rates = [0.02 * (1 - step / steps) for step in range(steps)]
    expected, penalties = reference(weights, losses_of(steps, shape), rates, l2, form)
    table = EmbeddingTable(weights.clone())
    adam, found = FusedAdam([table], l2, [table.weight], form), []
    for loss, rate in zip(losses_of(steps, shape), rates, strict=True):
        loss(table.look_up).backward()
        found.append(adam.step(rate))
    torch.testing.assert_close(table.weight, expected, rtol=1e-12, atol=1e-12)
    assert found == pytest.approx(penalties, rel=1e-6)


def test_a_table_that_l2_does_not_act_on_has_none():
    penalised, free = (EmbeddingTable(torch.ones(ROWS, SIZE)) for _ in range(2))
    assert FusedAdam([penalised, free], 0.5, [penalised.weight], "coupled").step(0.1) == 0.25 * ROWS * SIZE
    assert torch.equal(free.weight, torch.ones(ROWS, SIZE))
    assert penalised.weight.max() < 1


def test_a_dense_gradient_counts_as_a_sparse_one():
    tables = [EmbeddingTable(torch.ones(ROWS, SIZE)) for _ in range(2)]
    tables[0].look_up(torch.arange(ROWS)).square().sum().backward()
    tables[1].weight.square().sum().backward()
    for table in tables:
        FusedAdam([table], 0.0, [], "coupled").step(0.1)
    assert torch.equal(tables[0].weight, tables[1].weight)


def test_a_weight_that_two_tables_share_is_stepped_once(orders):
    run = start("deepfm", "plain", orders, kernels="fused", penalty=0.0, embedding_l2=0.1)
    run.backbone.tied = EmbeddingTable(torch.zeros(1, 1))
    run.backbone.tied.weight, run.backbone.tied.fused = run.backbone.embedding.weight, True
    found = Optimizer(run.backbone, run.method, run.balancer, run.settings).table_adam
    assert sorted(table.weight.shape[1] for table in found.tables) == [1, 32]


def test_lazy_adam_leaves_the_tables_unfused(orders):
    run = start("deepfm", "plain", orders, kernels="fused", embedding_adam="lazy", penalty=0.0)
    assert kernels_of(run.backbone, run.method) == "reference"


def test_a_look_up_of_no_ids_changes_nothing():
    table = EmbeddingTable(torch.ones(ROWS, SIZE))
    table.look_up(torch.tensor([], dtype=torch.long)).sum().backward()
    FusedAdam([table], 0.0, [], "coupled").step(0.1)
    assert torch.equal(table.weight, torch.ones(ROWS, SIZE))


def test_a_gradient_that_is_not_finite_stays_so():
    table = EmbeddingTable(torch.ones(ROWS, SIZE))
    (table.look_up(torch.tensor([4])) * torch.inf).sum().backward()
    FusedAdam([table], 0.0, [], "coupled").step(0.1)
    assert table.weight[4].isnan().all()
    assert table.weight[[3, 5]].isfinite().all()


@pytest.mark.parametrize(
    ("backbone", "method", "balance"),
    [
        ("deepfm", "plain", "sum"),
        ("wide-deep", "plain", "sum"),
        ("dcn-v2", "deepmcp", "sum"),
        ("deepfm", "aqcl", "sum"),
        ("mmoe", "plain", "pcgrad"),
    ],
)
@pytest.mark.parametrize(
    "penalty",
    [
        {"penalty": 1e-4},
        {"penalty": 0.0, "embedding_l2": 1e-3},
        {"penalty": 0.0, "embedding_l2": 0.3, "embedding_l2_form": "decoupled"},
    ],
)
def test_a_run_is_that_of_the_reference(orders, backbone, method, balance, penalty):
    data = {"data": TWO_TASKS} if backbone == "mmoe" else {}
    settings = {"epochs": 2, "looks": 2, "balance": balance} | penalty
    runs = [start(backbone, method, orders, **data, **settings, kernels=kernels) for kernels in ("reference", "fused")]
    expected, found = (list(fit(run)) for run in runs)
    assert isinstance(runs[1].optimizer.table_adam, FusedAdam)
    assert runs[0].optimizer.table_adam is None
    assert [each.loss for each in found] == pytest.approx([each.loss for each in expected], rel=1e-3)
    for table, other in zip(*(run.backbone.embedding_tables() for run in runs), strict=True):
        assert (table - other).norm() <= 1e-2 * other.norm()


def test_a_resumed_run_has_the_bits_of_an_uninterrupted_one(orders):
    settings = {"penalty": 0.0, "embedding_l2": 1e-3, "epochs": 2, "looks": 2, "kernels": "fused"}
    whole = start("deepfm", "plain", orders, **settings)
    looks = fit(whole)
    next(looks)
    checkpoint = whole.checkpoint()
    list(looks)
    resumed = start("deepfm", "plain", orders, **settings)
    resumed.restore(checkpoint)
    assert len(list(fit(resumed))) == 3
    for parameter, other in zip(resumed.backbone.parameters(), whole.backbone.parameters(), strict=True):
        assert torch.equal(parameter, other)
