"""RMTL's three stages, each on a tiny episode, and whole runs."""

import pytest
import torch
from torch.nn import functional

from ctrbench.backbones import BACKBONES
from ctrbench.data.prepared import Prepared
from ctrbench.data.settings import DataSettings
from ctrbench.data.streams import stream
from ctrbench.errors import CtrbenchError
from ctrbench.methods.critic import Critics, CriticTrainer, StateAction, Transitions, reward
from ctrbench.methods.rmtl import RMTL, RMTLSettings, check_order, train_critics
from ctrbench.testing.data import FIELDS
from ctrbench.testing.runs import start, without_gradient
from ctrbench.training.checkpoint import parse
from ctrbench.training.fit import fit

DATA = DataSettings(fields=FIELDS, minimum_history=0, tasks=("click", "conversion"))
WARM_UP = {"warm_up": 1, "weight": 0.5}

ACTION = torch.tensor([[0.2, 0.1], [0.5, 0.1], [0.7, 0.3]])
LABELS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])


@pytest.fixture
def orders(data_folder):
    """Read from files, which hold the times."""
    return Prepared.read(data_folder / "orders")


def begin(prepared, method="rmtl", **training):
    settings = WARM_UP if method == "rmtl" else {}
    return start("shared-bottom", method, prepared, DATA, method_settings=settings, **training)


def episode(states=None):
    """Three impressions of one user in their order."""
    states = torch.eye(3) if states is None else states
    after = [1, 2, 2]
    return Transitions(
        StateAction(states, ACTION),
        reward(ACTION, LABELS),
        StateAction(states[after], ACTION[after]),
        torch.tensor([False, False, True]),
    )


def test_stage_1_is_the_plain_loss(orders):
    run, plain = begin(orders), begin(orders, "plain")
    batch = next(run.feed.batches(run.feed.epoch(0, 1)[:3], 3))
    steps = []
    for each in (run, plain):
        torch.manual_seed(1)
        steps.append(each.step(batch, 1e-2, torch.Generator()))
    torch.testing.assert_close(steps[0].total, steps[1].total)
    for one, other in zip(run.backbone.parameters(), plain.backbone.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_stage_2_rewards_are_negative_loglosses():
    expected = torch.tensor([[0.8, 0.9], [0.5, 0.9], [0.7, 0.3]]).log()
    torch.testing.assert_close(reward(ACTION, LABELS), expected)


def test_stage_2_targets_have_the_lower_copy_at_the_next_impression():
    critics = Critics(3, 2, 4)
    # The copies' Q: -2 and -1 for click, 0 (the net is negative) and -3 for conversion, whatever the row.
    for net, constant in zip(critics.copies, (2.0, -5.0, 1.0, 3.0), strict=True):
        for parameter in net.parameters():
            torch.nn.init.zeros_(parameter)
        torch.nn.init.constant_(net[-1].bias, constant)
    rewards = reward(ACTION, LABELS)
    expected = rewards + 0.9 * torch.tensor([[-2.0, -3.0], [-2.0, -3.0], [0.0, 0.0]])
    torch.testing.assert_close(critics.target(episode(), 0.9), expected)


def test_stage_2_learns_the_discounted_rewards_of_an_episode():
    torch.manual_seed(0)
    critics = Critics(3, 2, 32)
    rewards = reward(ACTION, LABELS)
    last = rewards[2]
    middle = rewards[1] + 0.9 * last
    with CriticTrainer(critics, rate=1e-2, discount=0.9, follow=0.2) as lesson:
        for _ in range(800):
            error = lesson.step(episode())
    assert error < 1e-4
    expected = torch.stack([rewards[0] + 0.9 * middle, middle, last])
    torch.testing.assert_close(critics(episode().seen), expected, atol=0.02, rtol=0)
    assert not any(parameter.requires_grad for parameter in critics.parameters())


def test_stage_2_copies_move_a_share_of_the_way():
    torch.manual_seed(0)
    critics = Critics(3, 2, 4)
    before = [parameter.clone() for parameter in critics.copies.parameters()]
    with CriticTrainer(critics, rate=1e-2, discount=0.9, follow=0.2) as lesson:
        lesson.step(episode())
    for copied, old, net in zip(critics.copies.parameters(), before, critics.nets.parameters(), strict=True):
        torch.testing.assert_close(copied, 0.8 * old + 0.2 * net)


def test_stage_2_trains_the_critics_and_nothing_else(orders):
    run = begin(orders)
    critics = run.method.critics
    weights = [weight.clone() for weight in run.backbone.parameters()]
    before, state = [parameter.clone() for parameter in critics.nets.parameters()], torch.get_rng_state()
    train_critics(critics, run.backbone, run.feed, RMTLSettings(), stream(0, "critics"))
    assert not any(map(torch.equal, critics.nets.parameters(), before))
    assert all(map(torch.equal, run.backbone.parameters(), weights))
    assert torch.equal(torch.get_rng_state(), state)
    assert run.backbone.training


def test_stage_3_weighs_rows_by_their_critics(orders):
    """On three rows, by the formula; the critics are constants to the model."""
    run = begin(orders, task_weights={"conversion": 2.0})
    run.method.strength.fill_(0.5)
    batch = next(run.feed.batches(run.feed.epoch(0, 1)[:3], 3))
    embedded = run.backbone.eval().embed(batch)
    logits = run.backbone.predict(run.backbone.interact(embedded), embedded)
    seen = StateAction(embedded.fields.flatten(1).detach(), logits.sigmoid().detach())
    q = run.method.critics(seen)
    assert (q <= 0).all()
    assert q.abs().sum() > 0
    bce = functional.binary_cross_entropy_with_logits(logits, batch.labels, reduction="none")
    mean = ((1 - 0.5 * q) * bce).mean(0)
    loss = run.method.loss(run.backbone, batch, embedded, torch.Generator())
    torch.testing.assert_close(loss.total, mean[0] + 2 * mean[1])
    torch.testing.assert_close(loss.parts["conversion"], bce[:, 1].mean())
    torch.testing.assert_close(loss.parts["Q of click"], q[:, 0].mean())
    parameters = [*run.backbone.parameters()]
    ours, expected = (
        torch.autograd.grad(total, parameters, retain_graph=True) for total in (loss.total, mean[0] + 2 * mean[1])
    )
    for one, other in zip(ours, expected, strict=True):
        torch.testing.assert_close(one.to_dense(), other.to_dense())


def test_a_run_goes_through_the_stages(orders):
    run = begin(orders, epochs=3, patience=3)
    critics = []
    for look in fit(run):
        assert run.method.strength == (0.0 if look.epoch == 1 else 0.5)
        critics.append([parameter.clone() for parameter in run.method.critics.parameters()])
    assert not any(map(torch.equal, *critics[:2]))
    assert all(map(torch.equal, *critics[1:]))


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_run_resumes_with_the_same_bits(orders, looks):
    """Before the critics are trained, at the end of the first epoch, and after."""
    whole, half, resumed = (begin(orders, epochs=2, looks=2, patience=4, embedding_adam="lazy") for _ in range(3))
    list(fit(whole))
    for look in fit(half):
        if look.epoch == looks:
            break
    resumed.restore(half.checkpoint())
    list(fit(resumed))
    ours, theirs = (parse(run.checkpoint(), "cpu")[0] for run in (whole, resumed))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("backbone", BACKBONES.builtin())
def test_all_stages_run_on_every_backbone(orders, backbone):
    """The contract of methods is tested on sampled negatives, which RMTL refuses."""
    run = start(backbone, "rmtl", orders, DATA, method_settings=WARM_UP, epochs=2, patience=2)
    assert without_gradient(run) == []
    looks = [(look.parts["click"], float(run.method.strength)) for look in fit(run)]
    assert [strength for _, strength in looks] == [0.0, 0.5]
    assert looks[1][0] < 1.2 * looks[0][0]


def test_what_it_refuses(orders, small):
    given = DATA.model_copy(update={"given": {"conversion": "click"}})
    assert "data.given restricts conversion" in RMTL.refuses("din", given, RMTLSettings(), orders.manifest)
    assert "negatives are sampled" in RMTL.refuses("din", DataSettings(), RMTLSettings(), small.manifest)
    assert RMTL.refuses("din", DATA, RMTLSettings(), orders.manifest) is None


def test_a_run_needs_an_epoch_after_the_warm_up():
    assert RMTL.least_epochs(RMTLSettings(warm_up=3)) == 4


def test_rows_without_an_order_within_the_day_are_refused_before_the_first_step(orders, monkeypatch):
    check_order(begin(orders).feed)
    monkeypatch.setattr(Prepared, "times", lambda _, rows: torch.arange(len(rows)) // 2 * 60)
    run = begin(orders)
    weights = [weight.clone() for weight in run.backbone.parameters()]
    with pytest.raises(CtrbenchError, match=r"in orders 5\d% of the training rows that follow another"):
        next(fit(run))
    assert all(map(torch.equal, run.backbone.parameters(), weights))


def test_rows_that_follow_no_other_of_their_day_are_refused(orders, monkeypatch):
    monkeypatch.setattr(Prepared, "times", lambda _, rows: torch.arange(len(rows)) * 48 * 3600)
    with pytest.raises(CtrbenchError, match="rmtl needs users with several impressions a day, and orders has none"):
        check_order(begin(orders).feed)
