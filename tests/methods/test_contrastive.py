"""ICL and AQCL against equations 2 to 6, computed the long way."""

import math

import pytest
import torch
from torch.nn import functional

from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.methods.aqcl import AQCL, AQCLSettings, quantized_loss
from ctrbench.methods.augmentation import augment
from ctrbench.methods.codebook import Codebook, sinkhorn
from ctrbench.methods.icl import ICL, instance_loss
from ctrbench.report.views import alpha as curve
from ctrbench.training.build import build
from ctrbench.training.settings import TrainingSettings

TAU = 0.1


NEAREST = 3


def made(feed, method, backbone_settings=None, **settings):
    """DIN and a method with the initial weights of seed 0."""
    names = {"backbone": "din", "method": method, "seed": 0}
    return build(feed, TrainingSettings(), **names, backbone_settings=backbone_settings or {}, method_settings=settings)


@pytest.fixture
def vectors():
    """z, z+ and codewords: unit vectors of six rows and their views, and of ten codewords."""
    torch.manual_seed(0)
    return tuple(functional.normalize(torch.randn(n, 8, dtype=torch.double), dim=1) for n in (6, 6, 10))


def quantized(z, positive, similarity, alpha, left_out=None):
    """The loss with the codewords' temperature twice that of the rows."""
    nearest = similarity.topk(NEAREST, 1).values
    temperatures = {"tau": TAU, "codeword_tau": 2 * TAU}
    return quantized_loss(z, positive, similarity, nearest, alpha=alpha, left_out=left_out, **temperatures)


def test_icl_is_equation_2(vectors):
    z, positive, _ = vectors
    rows = z @ positive.t()
    expected = [-math.log(math.exp(rows[j, j] / TAU) / sum(math.exp(s / TAU) for s in rows[j])) for j in range(6)]
    assert instance_loss(z, positive, TAU).item() == pytest.approx(sum(expected) / 6, abs=1e-9)


def test_aqcl_is_equation_3(vectors):
    z, positive, codewords = vectors
    rows, similarity = z @ positive.t(), z @ codewords.t()
    alpha = torch.linspace(0, 1, 6, dtype=torch.double)
    total = 0.0
    for j in range(6):
        d1 = [math.exp(s / TAU) for s in rows[j]]
        d2 = sorted((math.exp(s / (2 * TAU)) for s in similarity[j]), reverse=True)
        a = alpha[j].item()
        total -= math.log(d1[j] ** (1 - a) * sum(d2[:NEAREST]) ** a / (sum(d1) + sum(d2)))
    assert quantized(z, positive, similarity, alpha).item() == pytest.approx(total / 6, abs=1e-9)


def test_aqcl_has_the_gradients_of_equation_3(vectors):
    z, positive, codewords = (each.requires_grad_() for each in vectors)
    alpha = torch.linspace(0, 1, 6, dtype=torch.double)
    d1, d2 = torch.exp(z @ positive.t() / TAU), torch.exp(z @ codewords.t() / (2 * TAU))
    own, interest = d1.diagonal() ** (1 - alpha), d2.topk(NEAREST, 1).values.sum(1) ** alpha
    expected = -torch.log(own * interest / (d1.sum(1) + d2.sum(1))).mean()
    found = quantized(z, positive, z @ codewords.t(), alpha)
    gradients = [torch.autograd.grad(loss, (z, positive, codewords)) for loss in (found, expected)]
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-10)


USER = torch.tensor([4, 7, 4, 1, 7, 4])
"""The users of the six rows."""


def test_rows_of_one_user_may_be_left_out_of_each_others_negatives(vectors):
    z, positive, codewords = vectors
    left_out = (USER.unsqueeze(1) == USER).fill_diagonal_(False)
    rows, similarity = z @ positive.t(), z @ codewords.t()
    icl = aqcl = 0.0
    for j in range(6):
        d1 = [math.exp(rows[j, k] / TAU) for k in range(6) if k == j or USER[k] != USER[j]]
        d2 = sorted((math.exp(s / (2 * TAU)) for s in similarity[j]), reverse=True)
        own = math.exp(rows[j, j] / TAU)
        icl -= math.log(own / sum(d1))
        aqcl -= math.log(own**0.7 * sum(d2[:NEAREST]) ** 0.3 / (sum(d1) + sum(d2)))
    assert instance_loss(z, positive, TAU, left_out).item() == pytest.approx(icl / 6, abs=1e-9)
    alpha = torch.full((6,), 0.3, dtype=torch.double)
    assert quantized(z, positive, similarity, alpha, left_out).item() == pytest.approx(aqcl / 6, abs=1e-9)


def test_a_batch_of_one_user_has_no_negatives(vectors):
    z, positive, _ = vectors
    everybody = torch.ones(6, 6, dtype=torch.bool).fill_diagonal_(False)
    assert instance_loss(z, positive, TAU, everybody).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", ["icl", "aqcl"])
def test_the_users_of_a_batch_decide_which_rows_are_no_negatives(feed, name):
    batch = next(feed.batches(feed.epoch(0, 1), 200))
    user = batch.ids[:, feed.inputs.column("user")].tolist()
    backbone, method = made(feed, name, same_user_negatives=False)
    expected = [[j != k and user[j] == user[k] for k in range(200)] for j in range(200)]
    left_out = method.left_out(backbone, batch)
    assert left_out.tolist() == expected
    assert left_out.sum() > 200
    found = {}
    for same in (False, True):
        backbone, method = made(feed, name, same_user_negatives=same)
        torch.manual_seed(0)
        embedded = backbone.embed(batch)
        loss = method.loss(backbone, batch, embedded, torch.Generator().manual_seed(0))
        found[same] = loss.parts["contrastive"].item()
    assert found[False] < found[True]


def test_by_default_all_rows_are_negatives(feed):
    for name in ("icl", "aqcl"):
        backbone, method = made(feed, name)
        assert method.left_out(backbone, next(feed.batches(feed.epoch(0, 1), 8))) is None


@pytest.mark.parametrize("method", [AQCL, ICL])
def test_rows_of_one_user_cannot_be_told_without_the_input_user(method):
    settings, without = method.Settings(same_user_negatives=False), DataSettings(fields=("item",))
    assert method.refuses("din", DataSettings(fields=("user", "item")), settings, None) is None
    assert method.refuses("din", without, method.Settings(), None) is None
    assert (
        method.refuses("din", without, settings, None) == "same_user_negatives = false needs 'user' among data.fields"
    )


def test_aqcl_without_codewords_at_alpha_0_is_icl(vectors):
    z, positive, codewords = vectors
    absent = torch.full_like(z @ codewords.t(), -1e6)
    loss = quantized(z, positive, absent, torch.zeros(6, dtype=torch.double))
    assert loss.item() == pytest.approx(instance_loss(z, positive, TAU).item(), abs=1e-12)


def test_alpha_falls_with_the_click_length(feed):
    _, method = made(feed, "aqcl", w1=0.7, w2=1.5)
    assert isinstance(method, AQCL)
    mean = feed.prepared.manifest.mean_click_length
    alpha = method.alpha(torch.tensor([0.0, mean, 3 * mean]))
    assert alpha.tolist() == pytest.approx([1.0, math.exp(-0.7), math.exp(-0.7 * 3**1.5)])


def test_the_curve_that_is_drawn_is_the_one_that_trains(feed):
    lengths = torch.arange(0, 40, dtype=torch.double)
    for w1, w2 in ((1.0, 1.0), (0.3, 4.0), (10.0, 0.25)):
        _, method = made(feed, "aqcl", w1=w1, w2=w2)
        drawn = curve.alpha(lengths.numpy() / feed.prepared.manifest.mean_click_length, w1, w2)
        torch.testing.assert_close(method.alpha(lengths), torch.from_numpy(drawn), rtol=1e-12, atol=0)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_alpha_may_be_one_number_for_all(feed, alpha):
    settings = {"constant_alpha": alpha, "w1": 0.7, "w2": 1.5}
    _, method = made(feed, "aqcl", **settings)
    assert method.alpha(torch.tensor([0.0, 2.0, 50.0])).tolist() == pytest.approx([alpha] * 3)


@pytest.mark.parametrize("alpha", [-0.1, 1.1])
def test_alpha_is_a_share(alpha):
    with pytest.raises(CtrbenchError, match="constant_alpha"):
        AQCLSettings.read({"constant_alpha": alpha}, "aqcl")


def sinkhorn_in_log_space(scores, rounds):
    """Columns to 1/T, then rows to 1/B, as often as is said."""
    rows, codewords = scores.shape
    for _ in range(rounds):
        scores = scores - torch.logsumexp(scores, 0, keepdim=True) - math.log(codewords)
        scores = scores - torch.logsumexp(scores, 1, keepdim=True) - math.log(rows)
    return scores.exp()


@pytest.mark.parametrize(("shape", "rounds"), [((40, 10), 1), ((40, 10), 3), ((7, 16), 3), ((5, 1), 2)])
def test_sinkhorn_is_the_loop_in_log_space(shape, rounds):
    torch.manual_seed(0)
    scores = 5 * torch.randn(shape, dtype=torch.double)
    expected = sinkhorn_in_log_space(scores, rounds)
    torch.testing.assert_close(sinkhorn(scores, rounds), expected, rtol=1e-9, atol=0)


def test_sinkhorn_in_single_precision_holds_at_the_least_epsilon():
    """Cosines of opposite vectors over the least epsilon that the settings admit: 67 apart."""
    torch.manual_seed(0)
    scores = (torch.rand(64, 16, dtype=torch.double) * 2 - 1) / 0.03
    scores[0], scores[1, 0] = -1 / 0.03, 1 / 0.03
    found = sinkhorn(scores.float(), 3)
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found.sum(1), torch.full((64,), 1 / 64))
    expected = sinkhorn_in_log_space(scores, 3)
    torch.testing.assert_close(found.double(), expected, rtol=1e-3, atol=1e-30)
    with pytest.raises(CtrbenchError, match="sinkhorn_epsilon: input should be greater"):
        AQCLSettings.read({"sinkhorn_epsilon": 0.029}, "aqcl")


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


def test_how_much_of_the_codebook_is_used():
    codebook = Codebook(8, 2, tau=TAU, epsilon=0.05, rounds=3, unit=False)
    use = codebook.use(torch.tensor([1, 1, 1, 6]))
    assert use["alive"].item() == 2 / 8
    assert use["perplexity"].item() == pytest.approx(math.exp(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25))))
    alone = codebook.use(torch.full((5,), 7))
    assert (alone["alive"].item(), alone["perplexity"].item()) == (1 / 8, pytest.approx(1))


def test_a_loss_tells_the_use_of_the_codewords_nearest_to_its_rows(feed):
    """Codewords of many lengths in the directions of some rows' z."""
    backbone, method = made(feed, "aqcl", {"embedding_std": 1.0}, codewords=16)
    backbone.eval()
    batch = next(feed.batches(feed.epoch(0, 1), 128))
    embedded = backbone.embed(batch)
    h = backbone.interact(embedded)
    z = functional.normalize(method.views.projector(h), dim=1).detach()
    codewords = method.codebook.codewords
    with torch.no_grad():
        codewords.copy_(z[:16] * torch.linspace(0.1, 3, 16).unsqueeze(1))
    chosen = method.codewords_of(h)
    angles = functional.cosine_similarity(z.unsqueeze(1), codewords.unsqueeze(0), dim=2)
    assert torch.equal(chosen, angles.argmax(1))
    counts = torch.bincount(chosen, minlength=16)
    assert counts.min() > 0
    parts = method.loss(backbone, batch, embedded, torch.Generator().manual_seed(0)).parts
    assert set(parts) == {"click", "contrastive", "codebook", "alive", "perplexity", "turned"}
    assert parts["alive"].item() == 1
    perplexity = torch.distributions.Categorical(counts / 128).perplexity()
    assert parts["perplexity"].item() == pytest.approx(perplexity.item())


def test_the_codebook_learns_from_its_own_loss_alone(feed):
    backbone, method = made(feed, "aqcl")
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
    centres = functional.normalize(torch.randn(4, 8), dim=1)
    z = functional.normalize(centres.repeat_interleave(50, 0) + 0.05 * torch.randn(200, 8), dim=1)
    codebook = Codebook(4, 8, tau=TAU, epsilon=0.05, rounds=3, unit=False)
    optimizer = torch.optim.Adam(codebook.parameters(), lr=0.05)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = codebook.loss(z)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    chosen = (z @ codebook.unit_codewords().t()).argmax(1).view(4, 50)
    assert losses[-1] < 0.1 * losses[0]
    assert (chosen == chosen[:, :1]).all()
    assert sorted(chosen[:, 0].tolist()) == [0, 1, 2, 3]
    use = {name: figure.item() for name, figure in codebook.use(chosen.flatten()).items()}
    assert (use["alive"], use["perplexity"]) == (1.0, pytest.approx(4))


def test_codewords_of_length_1_keep_it_and_turn_further():
    z = functional.normalize(torch.randn(200, 32, generator=torch.Generator().manual_seed(1)), dim=1)
    turned = {}
    for unit in (False, True):
        torch.manual_seed(0)
        codebook = Codebook(16, 32, tau=TAU, epsilon=0.05, rounds=3, unit=unit)
        start = codebook.unit_codewords().detach()
        assert torch.allclose(codebook.start, start)
        assert "start" not in codebook.state_dict()
        optimizer = torch.optim.Adam(codebook.parameters(), lr=0.001)
        for _ in range(20):
            codebook.begin_step()
            optimizer.zero_grad()
            codebook.loss(z).backward()
            optimizer.step()
        codebook.begin_step()
        lengths = codebook.codewords.detach().norm(dim=1)
        assert torch.allclose(lengths, torch.ones(16), atol=1e-6) == unit
        turned[unit] = codebook.use(torch.zeros(1, dtype=torch.int64))["turned"].item()
        cosines = functional.cosine_similarity(codebook.codewords.detach(), start, dim=1)
        assert turned[unit] == pytest.approx(1 - cosines.mean().item(), abs=1e-6)
    assert turned[True] > 5 * turned[False] > 0


def test_the_second_view_masks_clicks_and_zeroes_bits(feed):
    backbone, _ = made(feed, "plain")
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
    assert settings.constant_alpha is None
