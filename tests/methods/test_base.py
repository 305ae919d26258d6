"""The loss of the tasks, and what a method is told of the run."""

import pytest
import torch
from sklearn.metrics import log_loss

from ctrbench.backbones.base import Scored
from ctrbench.data.examples import Feed
from ctrbench.errors import CtrbenchError
from ctrbench.methods.base import Context, Loss, Method, mean_logloss
from ctrbench.methods.plain import Plain
from ctrbench.testing.runs import TWO_TASKS, start


@pytest.fixture
def two_tasks(orders):
    return start("din", "plain", orders, TWO_TASKS, task_weights={"conversion": 0.25})


def test_each_task_is_averaged_over_its_rows_and_the_total_weighs_the_tasks(two_tasks, orders):
    run = two_tasks
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    logits = torch.randn(256, 2, generator=torch.Generator().manual_seed(0))
    loss = run.method.task_loss(Scored(logits), batch)
    probability, label = torch.sigmoid(logits.double()).numpy(), batch.labels.numpy()
    clicked = label[:, 0] == 1
    click = log_loss(label[:, 0], probability[:, 0])
    conversion = log_loss(label[clicked, 1], probability[clicked, 1])
    assert list(loss.parts) == ["click", "conversion"]
    assert loss.parts["click"].item() == pytest.approx(click, abs=1e-6)
    assert loss.parts["conversion"].item() == pytest.approx(conversion, abs=1e-6)
    assert loss.total.item() == pytest.approx(click + 0.25 * conversion, abs=1e-6)


@pytest.mark.parametrize("tasks", [1, 2, 3])
def test_tasks_without_a_condition_are_averaged_over_all_rows(tasks):
    torch.manual_seed(0)
    logits, labels = torch.randn(40, tasks, dtype=torch.double), torch.randint(2, (40, tasks)).double()
    losses = mean_logloss(logits, labels, None)
    expected = [log_loss(labels[:, t], torch.sigmoid(logits[:, t])) for t in range(tasks)]
    assert [loss.item() for loss in losses] == pytest.approx(expected, abs=1e-12)
    same = mean_logloss(logits, labels, torch.ones(40, tasks, dtype=torch.bool))
    assert [loss.item() for loss in same] == pytest.approx(expected, abs=1e-12)


def test_a_batch_without_a_row_of_a_task_has_no_loss_for_it():
    logits = torch.randn(8, 2, requires_grad=True)
    observed = torch.tensor([[True, False]]).expand(8, -1)
    losses = mean_logloss(logits, torch.ones(8, 2), observed)
    sum(losses).backward()
    assert losses[1] == 0
    assert (logits.grad[:, 1] == 0).all()
    assert (logits.grad[:, 0] != 0).all()


def test_what_a_backbone_adds_is_part_of_the_loss_and_no_term_of_the_method(two_tasks):
    run = two_tasks
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    logits = torch.zeros(256, 2)
    alone = run.method.task_loss(Scored(logits), batch)
    scored = Scored(logits, (logits + 1, logits - 1), 0.5, {"calibrator": torch.tensor(0.25)})
    loss = run.method.task_loss(scored, batch)
    further = sum(run.method.task_loss(Scored(logits + shift), batch).total for shift in (1, -1))
    assert loss.total.item() == pytest.approx((alone.total + 0.5 * further + 0.25).item())
    assert loss.parts["calibrator"].item() == 0.25
    assert loss.parts["auxiliary"].item() == pytest.approx(0.5 * further.item())
    assert not loss.terms
    assert [*loss.primary] == ["click", "conversion"]


def test_rows_outside_a_task_do_not_move_it(two_tasks):
    run = two_tasks
    batch = next(run.feed.batches(run.feed.epoch(0, 1), 256))
    logits = torch.zeros(256, 2, requires_grad=True)
    run.method.task_loss(Scored(logits), batch).parts["conversion"].backward()
    assert torch.equal(logits.grad[:, 1] != 0, batch.observed[:, 1])


def test_a_weight_of_an_unknown_task_is_named(orders):
    with pytest.raises(CtrbenchError, match=r"training\.task_weights: unknown task 'convresion'; did you mean"):
        start("din", "plain", orders, TWO_TASKS, task_weights={"convresion": 2.0})
    with pytest.raises(CtrbenchError, match=r"training: task_weights\.click: input should be greater than 0"):
        start("din", "plain", orders, TWO_TASKS, task_weights={"click": 0.0})


def test_a_task_named_like_a_part_of_the_loss_is_refused():
    one = torch.ones(())
    for add in (lambda loss: loss.plus("match", one), lambda loss: loss.noting(match=one)):
        assert add(Loss(one, {"click": one})).parts == {"click": one, "match": one}
        with pytest.raises(CtrbenchError, match="task 'match' has the name of a part of the method's loss; rename"):
            add(Loss(one, {"match": one}))


def test_a_part_is_weighed_in_the_total_alone():
    loss = Loss(torch.tensor(1.0), {"click": torch.tensor(1.0)}).plus("pull", torch.tensor(3.0), 0.5)
    loss = loss.plus("push", torch.tensor(4.0)).noting(alive=torch.tensor(9.0))
    assert loss.total == 1 + 0.5 * 3 + 4
    assert {name: part.item() for name, part in loss.parts.items()} == {"click": 1, "pull": 3, "push": 4, "alive": 9}


def test_a_method_is_told_the_tasks_and_the_cohorts_that_it_asks_for(orders):
    feed = Feed(orders, TWO_TASKS, cohorts=("age_group",))
    context = Context.of(feed, {"click": 2.0})
    assert (context.tasks, context.task_weights) == (("click", "conversion"), (2.0, 1.0))
    assert [(cohort.name, cohort.values) for cohort in context.cohorts] == [("age_group", ("0", "1", "2", "3", "4"))]
    assert Method.cohorts(Plain.Settings()) == ()
