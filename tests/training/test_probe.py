"""Probes of gradients, against gradients computed anew, and that a probe changes nothing."""

import pytest
import torch

from ctrbench.testing.runs import start
from ctrbench.training.fit import fit
from ctrbench.training.probe import PRIMARY, probe

COHORTS = {"head": ["age_group = 3"], "tail": ["age_group = 1"], "head_weight": 0.5, "tail_weight": 2.0}


def whole(run, batch, weigh):
    """The gradient of a weighted sum of the loss's parts, by a backward pass of its own, as one vector."""
    for parameter in run.backbone.parameters():
        parameter.grad = None
    torch.manual_seed(0)
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator())
    sum(weight * loss.parts[name] for name, weight in weigh.items()).backward()
    zeros = ((p, torch.zeros_like(p) if p.grad is None else p.grad.to_dense()) for p in run.backbone.parameters())
    return torch.cat([gradient.flatten() for _, gradient in zeros]).double()


def test_the_split_is_that_of_the_gradients_themselves(small):
    run = start("din", "c2al", small, method_settings=COHORTS, penalty=0.0)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    task, head = whole(run, batch, {"click": 1}), whole(run, batch, {"head": 0.5})
    both = whole(run, batch, {"head": 0.5, "tail": 2.0})
    torch.manual_seed(0)
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator())
    found = {name: value.item() for name, value in probe(loss, [*run.backbone.parameters()]).items()}
    assert found[PRIMARY] == pytest.approx(task.norm().item(), rel=1e-4)
    for name, gradient in (("head", head), ("all", both)):
        along = (gradient @ task / task.norm()).item()
        assert found[f"cosine of {name}"] == pytest.approx(along / gradient.norm().item(), abs=1e-4)
        assert found[f"{name} along"] == pytest.approx(along, rel=1e-3, abs=1e-6)
        across = (gradient - gradient @ task / task.norm() ** 2 * task).norm().item()
        assert found[f"{name} across"] == pytest.approx(across, rel=1e-3, abs=1e-6)


def test_a_part_without_weight_has_a_cosine_of_zero(small):
    run = start("din", "c2al", small, method_settings={**COHORTS, "head_weight": 0.0})
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 512))
    loss = run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator())
    found = probe(loss, [*run.backbone.parameters()])
    assert found["cosine of head"] == 0
    assert all(torch.isfinite(value) for value in found.values())


def test_plain_has_nothing_to_probe(small):
    run = start("din", "plain", small)
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 64))
    assert probe(run.method.loss(run.backbone, batch, run.backbone.embed(batch), torch.Generator()), []) == {}


@pytest.mark.parametrize("every", [1, 4])
@pytest.mark.parametrize(("method", "settings"), [("c2al", COHORTS), ("aqcl", {})])
def test_a_probed_run_trains_with_the_same_bits_and_logs_the_means_of_its_probes(small, method, settings, every):
    runs = [
        start("din", method, small, method_settings=settings, epochs=2, looks=2, probe_every=probe_every)
        for probe_every in (0, every)
    ]
    logs = [list(fit(run)) for run in runs]
    for one, other in zip(*(run.backbone.parameters() for run in runs), strict=True):
        assert torch.equal(one, other)
    for plain, probed in zip(*logs, strict=True):
        assert {name: probed.parts[name] for name in plain.parts} == plain.parts
        new = probed.parts.keys() - plain.parts.keys()
        assert PRIMARY in new
        assert all(-1 <= value <= 1 for name, value in probed.parts.items() if name.startswith("cosine"))
