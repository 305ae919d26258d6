"""Multi-task models against their papers' equations, computed row by row in numpy."""

import numpy as np
import pytest
import torch

from ctrbench.backbones import BACKBONES
from ctrbench.backbones.multitask.esmm import logits_of_products
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.testing.data import dataset
from ctrbench.testing.runs import FUNNEL

TOLERANCE = {"rtol": 0, "atol": 1e-9}


@pytest.fixture(scope="module")
def feed():
    return Feed(dataset("orders"), FUNNEL)


@pytest.fixture(scope="module")
def batch(feed):
    return next(feed.batches(feed.split(Split.VALIDATION), 24))


def make(feed, name, **settings):
    """A model with weights that leave no layer without effect."""
    torch.manual_seed(1)
    chosen = BACKBONES.get(name)
    read = chosen.Settings.read({"bottom_settings": {"embedding_size": 4, "embedding_std": 1.0}} | settings, name)
    return chosen(feed.inputs, read, 2).double().eval()


def arrays(model):
    return {name: p.detach().numpy() for name, p in model.named_parameters()}


def vectors(model, batch):
    """The embeddings of each row side by side: fields, and the mean of the history."""
    embedded = model.embed(batch)
    rows = []
    for b in range(len(batch.labels)):
        history = embedded.history[batch.offsets[b] : batch.offsets[b + 1]].detach().numpy()
        mean = history.mean(0) if len(history) else np.zeros(history.shape[1:])
        rows.append(np.concatenate([embedded.fields[b].detach().numpy().ravel(), mean.ravel()]))
    return np.stack(rows)


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def relu(x):
    return np.maximum(x, 0)


def elu(x):
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def linear(w, name, x):
    return w[f"{name}.weight"] @ x + w[f"{name}.bias"]


def tower(w, place, x):
    """A hidden layer of ReLU and the logit."""
    return linear(w, f"{place}.1", relu(linear(w, f"{place}.0.0", x)))[0]


def expert(w, place, group, number, *, experts, x, activation=relu):
    """The expert ``number`` of a group, of two layers."""
    size = w[f"{place}.first.weight"].shape[2] // experts
    part = slice(number * size, (number + 1) * size)
    x = activation(x @ w[f"{place}.first.weight"][group][:, part] + w[f"{place}.first.bias"][group][0, part])
    row = group * experts + number
    return activation(x @ w[f"{place}.rest.0.weight"][row] + w[f"{place}.rest.0.bias"][row][0])


@pytest.mark.parametrize("name", ["mmoe", "omoe"])
def test_mixtures_of_experts(feed, batch, name):
    model = make(feed, name, experts=3, expert=[6, 5], tower=[4])
    w, wanted = arrays(model), []
    for x in vectors(model, batch):
        said = [expert(w, "output.experts", 0, e, experts=3, x=x) for e in range(3)]
        gates = linear(w, "output.gates.layer", x).reshape(-1, 3)
        mixtures = [sum(g * f for g, f in zip(softmax(gate), said, strict=True)) for gate in gates]
        assert len(mixtures) == {"mmoe": 2, "omoe": 1}[name]
        wanted.append([tower(w, f"output.towers.towers.{t}", mixtures[t if name == "mmoe" else 0]) for t in (0, 1)])
    torch.testing.assert_close(model(batch), torch.tensor(np.array(wanted)), **TOLERANCE)


@pytest.mark.parametrize("levels", [1, 2])
def test_progressive_layered_extraction(feed, batch, levels):
    model = make(feed, "ple", levels=levels, specific_experts=2, shared_experts=3, expert=[6, 5], tower=[4])
    w, wanted = arrays(model), []
    for x in vectors(model, batch):
        inputs = [x, x, x]
        for level in range(levels):
            place = f"output.levels.{level}"
            own = [[expert(w, f"{place}.specific", t, e, experts=2, x=inputs[t]) for e in (0, 1)] for t in (0, 1)]
            shared = [expert(w, f"{place}.shared", 0, e, experts=3, x=inputs[2]) for e in range(3)]
            after = []
            for t in (0, 1):
                gate = inputs[t] @ w[f"{place}.task_gates.weight"][t] + w[f"{place}.task_gates.bias"][t][0]
                after.append(sum(g * f for g, f in zip(softmax(gate), own[t] + shared, strict=True)))
            if level < levels - 1:
                gate = linear(w, f"{place}.shared_gate.layer", inputs[2])
                after.append(sum(g * f for g, f in zip(softmax(gate), own[0] + own[1] + shared, strict=True)))
            inputs = after
        wanted.append([tower(w, f"output.towers.towers.{t}", inputs[t]) for t in (0, 1)])
    torch.testing.assert_close(model(batch), torch.tensor(np.array(wanted)), **TOLERANCE)


def test_esmm_trains_the_product_over_all_rows(feed, batch):
    model = make(feed, "esmm", tower=[4])
    w, wanted = arrays(model), []
    for x in vectors(model, batch):
        click, after = (1 / (1 + np.exp(-tower(w, f"output.towers.{t}", x))) for t in (0, 1))
        wanted.append([click, click * after])
    torch.testing.assert_close(model(batch).sigmoid(), torch.tensor(np.array(wanted)), **TOLERANCE)


@pytest.mark.parametrize("logits", [(-60.0, -50.0), (60.0, 70.0), (-90.0, 80.0), (0.3, 95.0)])
def test_logits_of_extreme_products_lose_no_digits(logits):
    import decimal

    decimal.getcontext().prec = 60
    p, q = (1 / (1 + (-decimal.Decimal(x)).exp()) for x in logits)
    wanted = float((p * q / (1 - p * q)).ln())
    values = torch.tensor([logits], requires_grad=True)
    found = logits_of_products(values)
    assert found[0, 1].item() == pytest.approx(wanted, rel=1e-5)
    found.sum().backward()
    assert values.grad.isfinite().all()


def test_aitm_hands_on_what_a_step_has_learned(feed, batch):
    model = make(feed, "aitm", tower=[6, 5], calibrator=0.6)
    w, wanted = arrays(model), []
    for x in vectors(model, batch):
        q = [relu(linear(w, f"output.towers.{t}.3", relu(linear(w, f"output.towers.{t}.0", x)))) for t in (0, 1)]
        place = "output.transfers.0"
        u = [relu(linear(w, f"{place}.passed_on.0", q[0])), q[1]]
        weights = softmax(
            np.array([linear(w, f"{place}.key", each) @ linear(w, f"{place}.query", each) for each in u]) / 5**0.5
        )
        z = sum(a * linear(w, f"{place}.value", each) for a, each in zip(weights, u, strict=True))
        wanted.append([linear(w, "output.last.0", q[0])[0], linear(w, "output.last.1", z)[0]])
    torch.testing.assert_close(model(batch), torch.tensor(np.array(wanted)), **TOLERANCE)
    embedded = model.embed(batch)
    penalty = model.score(model.interact(embedded), embedded).penalties["calibrator"]
    p = 1 / (1 + np.exp(-np.array(wanted)))
    above = np.maximum(p[:, 1] - p[:, 0], 0)
    assert above.max() > 0
    assert penalty.item() == pytest.approx(0.6 * above.mean())


@pytest.mark.parametrize("orthogonality", ["rows", "batch"])
def test_fdn_decomposes_features(feed, batch, orthogonality):
    weights = {"auxiliary": 0.5, "orthogonality_weight": 0.3}
    model = make(feed, "fdn", pairs=2, expert=[6, 5], orthogonality=orthogonality, **weights)
    w, x = arrays(model), vectors(model, batch)
    specific, shared = (
        np.array([[expert(w, place, 0, e, experts=4, x=row, activation=elu) for row in x] for e in range(4)])
        for place in ("output.specific", "output.shared")
    )
    specific, shared = specific.reshape(2, 2, len(x), 5), shared.reshape(2, 2, len(x), 5)
    wanted, alone = np.zeros((len(x), 2)), np.zeros((2, len(x), 2))
    for b in range(len(x)):
        for t in (0, 1):
            own = np.concatenate([*specific[t, :, b], *shared[0, :, b], *shared[1, :, b]])
            wanted[b, t] = own @ w["output.logit_layers.weight"][t][:, 0] + w["output.logit_layers.bias"][t][0, 0]
            for j in (0, 1):
                head = 2 * t + j
                weight, bias = w["output.alone.weight"][head][:, 0], w["output.alone.bias"][head][0, 0]
                alone[j, b, t] = specific[t, j, b] @ weight + bias
    torch.testing.assert_close(model(batch), torch.tensor(wanted), **TOLERANCE)
    embedded = model.embed(batch)
    scored = model.score(model.interact(embedded), embedded)
    torch.testing.assert_close(torch.stack(scored.auxiliary), torch.tensor(alone), **TOLERANCE)
    assert scored.auxiliary_weight == 0.5
    total = 0.0
    for s, p in zip(shared.reshape(4, len(x), 5), specific.reshape(4, len(x), 5), strict=True):
        products = [np.linalg.norm(np.outer(s[b], p[b])) for b in range(len(x))]
        total += np.mean(products) if orthogonality == "rows" else np.linalg.norm(s.T @ p / len(x)) ** 2
    assert scored.penalties["orthogonality"].item() == pytest.approx(0.3 * total)


@pytest.mark.parametrize("bottom", ["din", "deepfm"])
def test_models_apart_share_nothing(feed, batch, bottom):
    model = make(feed, "single-task", bottom=bottom, bottom_settings={"embedding_size": 4, "hidden": [6]}, tower=[4])
    embedded = model.embed(batch)
    logits = model.predict(model.interact(embedded), embedded)
    for t, own in enumerate(model.models):
        torch.testing.assert_close(own(batch)[:, 0], logits[:, t], **TOLERANCE)
    gradients = torch.autograd.grad(logits[:, 0].sum(), [*model.models[1].parameters()], allow_unused=True)
    assert all(gradient is None or not gradient.any() for gradient in gradients)


@pytest.mark.parametrize("name", ["esmm", "aitm"])
def test_a_funnel_refuses_a_conversion_that_is_given_a_click(name):
    chosen = BACKBONES.get(name)
    data = FUNNEL.model_copy(update={"given": {"conversion": "click"}})
    reason = chosen.refuses(chosen.Settings(), data, None)
    assert reason.startswith("it predicts conversion over all rows")
    manifest = dataset("orders").manifest
    assert chosen.refuses(chosen.Settings(), FUNNEL, manifest) is None
    backwards = FUNNEL.model_copy(update={"tasks": ("conversion", "click")})
    reason = chosen.refuses(chosen.Settings(), backwards, manifest)
    assert reason == 'it needs the tasks in the order in which they happen: data.tasks = ["click", "conversion"]'
