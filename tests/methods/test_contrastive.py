"""ICL and AQCL against equations 2 to 6, computed the long way."""

import math

import pytest
import torch

from ctrbench.data.schema import Split
from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.single import build
from ctrbench.methods.aqcl import AQCL, AQCLSettings, quantized_loss
from ctrbench.methods.augmentation import augment
from ctrbench.methods.codebook import Codebook, sinkhorn
from ctrbench.methods.icl import instance_loss

TAU = 0.1


@pytest.fixture
def similarities():
    torch.manual_seed(0)
    z, positive, codewords = (
        torch.nn.functional.normalize(torch.randn(n, 8, dtype=torch.double), dim=1) for n in (6, 6, 10)
    )
    return z @ positive.t(), z @ codewords.t()


def test_icl_is_equation_2(similarities):
    rows, _ = similarities
    expected = [-math.log(math.exp(rows[j, j] / TAU) / sum(math.exp(s / TAU) for s in rows[j])) for j in range(6)]
    assert instance_loss(rows / TAU).item() == pytest.approx(sum(expected) / 6, abs=1e-9)


def test_aqcl_is_equation_3(similarities):
    rows, codewords = similarities
    alpha = torch.linspace(0, 1, 6, dtype=torch.double)
    total = 0.0
    for j in range(6):
        d1 = [math.exp(s / TAU) for s in rows[j]]
        d2 = sorted((math.exp(s / TAU) for s in codewords[j]), reverse=True)
        a = alpha[j].item()
        total -= math.log(d1[j] ** (1 - a) * sum(d2[:3]) ** a / (sum(d1) + sum(d2)))
    assert quantized_loss(rows / TAU, codewords / TAU, alpha, 3).item() == pytest.approx(total / 6, abs=1e-9)


def test_aqcl_without_codewords_at_alpha_0_is_icl(similarities):
    rows, codewords = similarities
    absent = torch.full_like(codewords, -1e6)
    loss = quantized_loss(rows / TAU, absent, torch.zeros(6, dtype=torch.double), 3)
    assert loss.item() == pytest.approx(instance_loss(rows / TAU).item(), abs=1e-12)


def test_alpha_falls_with_the_click_length(feed):
    config = RunConfig(dataset="small", backbone="din", method="aqcl", seed=0, method_settings={"w1": 0.7, "w2": 1.5})
    _, method = build(config, feed)
    assert isinstance(method, AQCL)
    mean = feed.prepared.manifest.mean_click_length
    alpha = method.alpha(torch.tensor([0.0, mean, 3 * mean]))
    assert alpha.tolist() == pytest.approx([1.0, math.exp(-0.7), math.exp(-0.7 * 3**1.5)])


@pytest.mark.parametrize("shape", [(40, 10), (7, 16)])
def test_sinkhorn_has_the_marginals_of_equation_4(shape):
    torch.manual_seed(0)
    scores = torch.randn(shape, dtype=torch.double)
    assignment = sinkhorn(scores, 200)
    rows, codewords = shape
    torch.testing.assert_close(assignment.sum(1), torch.full((rows,), 1 / rows, dtype=torch.double))
    torch.testing.assert_close(assignment.sum(0), torch.full((codewords,), 1 / codewords, dtype=torch.double))


def test_sinkhorn_keeps_the_ratios_of_the_scores():
    """A = diag(u) exp(scores) diag(v): cross ratios of A are those of exp(scores)."""
    torch.manual_seed(0)
    scores = torch.randn(12, 5, dtype=torch.double)
    log_a = sinkhorn(scores, 3).log()

    def cross(m):
        return m[0, 0] + m[1, 1] - m[0, 1] - m[1, 0]

    assert cross(log_a).item() == pytest.approx(cross(scores).item())


def test_the_codebook_learns_from_its_own_loss_alone(feed):
    config = RunConfig(dataset="small", backbone="din", method="aqcl", seed=0)
    backbone, method = build(config, feed)
    batch = next(feed.batches(feed.epoch(0, 1), 128))
    loss = method.loss(backbone, batch, backbone.embed(batch), torch.Generator().manual_seed(0))
    codewords = method.codebook.codewords
    for part in ("click", "contrastive"):
        assert torch.autograd.grad(loss.parts[part], codewords, retain_graph=True, allow_unused=True) == (None,)
    others = [p for name, p in (*backbone.named_parameters(), *method.named_parameters()) if "codewords" not in name]
    from_codebook = torch.autograd.grad(loss.parts["codebook"], others, retain_graph=True, allow_unused=True)
    assert all(gradient is None for gradient in from_codebook)
    (gradient,) = torch.autograd.grad(loss.total, codewords)
    assert gradient.abs().sum() > 0


def test_codewords_share_out_the_interests_of_the_rows():
    torch.manual_seed(0)
    centres = torch.nn.functional.normalize(torch.randn(4, 8), dim=1)
    z = torch.nn.functional.normalize(centres.repeat_interleave(50, 0) + 0.05 * torch.randn(200, 8), dim=1)
    codebook = Codebook(4, 8, tau=TAU, epsilon=0.05, rounds=3)
    optimizer = torch.optim.Adam(codebook.parameters(), lr=0.05)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = codebook.loss(codebook.similarity(z))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    chosen = codebook.similarity(z).argmax(1).view(4, 50)
    assert losses[-1] < 0.1 * losses[0]
    assert (chosen == chosen[:, :1]).all()
    assert sorted(chosen[:, 0].tolist()) == [0, 1, 2, 3]


def test_the_second_view_masks_clicks_and_zeroes_bits(feed):
    config = RunConfig(dataset="small", backbone="din", method="plain", seed=0)
    backbone, _ = build(config, feed)
    embedded = backbone.embed(next(feed.batches(feed.split(Split.VALIDATION), 512)))
    view = augment(embedded, 0.2, 0.0, torch.Generator().manual_seed(0))
    masked = (view.history == 0).flatten(1).all(1)
    assert 0.15 < masked.float().mean() < 0.25
    assert torch.equal(view.history[~masked], embedded.history[~masked])
    assert torch.equal(view.fields, embedded.fields)
    zeroed = augment(embedded, 0.0, 0.1, torch.Generator().manual_seed(0))
    assert 0.08 < (zeroed.fields == 0).float().mean() < 0.12
    assert 0.08 < (zeroed.history == 0).float().mean() < 0.12


def test_settings_are_the_papers():
    settings = AQCLSettings()
    assert (settings.tau, settings.codeword_tau, settings.codebook_tau) == (0.1, 0.1, 0.1)
    assert (settings.codewords, settings.nearest) == (128, 5)
