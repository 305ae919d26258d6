"""RMTL: rows whose episode a critic expects to cost much logloss weigh more.

Source: Liu et al., Multi-Task Recommendations with Reinforcement Learning, WWW 2023, arXiv 2302.03328; formulas alone.
Three stages of one run: (1) ``warm_up`` epochs of the plain loss; (2) before the next epoch, with the model frozen, a
critic for each task learns from episodes, which are the training impressions of a user on a day in the order of time;
(3) the remaining epochs, from the weights of (1), minimise ``sum_k mean_b (1 - weight * Q_k) BCE_k`` with the critics
frozen. The paper has the mean over tasks where we have the sum, as everywhere in this package. That the state of a row
is its embedded fields, and the critics' size, is our reading. Prediction does not use the critics.

Episodes mean something only where a user's impressions have an order: here in oncold-sim alone. So the manifest must
say that rows of label 0 were shown (``negatives.source`` is ``impressions``) and that there are times
(``mean_click_length`` above 0), which planning checks; and most of a user's rows on a day must have another time than
the row before, which the run checks before its first step, since no manifest says it. In MovieLens half of the ratings
have the second of the one before, and their order is the file's. Training rows that ``data.minimum_history`` leaves out
are missing from the episodes.

A run of ``warm_up`` epochs or fewer would be plain, and is refused. Early stopping knows no stages:
``training.patience`` must outlast ``warm_up`` as well, or the critics are never trained. The weights that are kept are
those of the best look, which may be one of stage 1.

Shape:
    B rows, T tasks, F fields, D embedding size, E training examples.
"""

import functools
from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded
from ctrbench.data.batch import Batch
from ctrbench.data.episodes import END, successors
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.data.streams import stream
from ctrbench.errors import CtrbenchError
from ctrbench.methods.base import Context, Loss, Method, MethodSettings
from ctrbench.methods.critic import Critics, CriticTrainer, StateAction, Transitions, reward

MOST_TIED = 0.1
"""Share of an episode's rows that may have the time of the row before: those are in the order of the file."""


class RMTLSettings(MethodSettings):
    """Settings of RMTL; all but the paper's discount, follow and critic_rate are ours."""

    warm_up: int = Field(2, ge=1, le=100_000)
    """Epochs of the plain loss, before the critics are trained."""
    weight: float = Field(0.1, ge=0)
    """lambda: how much the critics change the weights of rows."""
    passes: int = Field(1, ge=1, le=1000)
    """Passes of the critics over the training rows; each evaluates the model twice per row, and takes about as long as
    an epoch of training."""
    batch_size: int = Field(1024, ge=1, le=100_000_000)
    """Rows per step of the critics."""
    hidden: int = Field(64, ge=1, le=100_000)
    """Size of a critic's hidden layer."""
    discount: float = Field(0.9, ge=0, lt=1)
    """gamma: weight of the next impression's logloss."""
    follow: float = Field(0.2, gt=0, le=1)
    """tau: share of the way to the critics that their copies move after each step."""
    critic_rate: float = Field(1e-3, gt=0)
    """Learning rate of the critics' Adam."""


class RMTL(Method):
    """See the module's docstring."""

    Settings: ClassVar[type[MethodSettings]] = RMTLSettings
    paper = "Multi-Task Recommendations with Reinforcement Learning"
    source = "Liu et al., WWW 2023, arXiv 2302.03328"

    strength: Tensor
    """lambda once the critics are trained; 0 before. A buffer, so that a checkpoint knows the stage."""

    def __init__(self, backbone: Backbone, context: Context, settings: RMTLSettings) -> None:
        super().__init__(backbone, context, settings)
        self.settings = settings
        size = len(backbone.inputs.fields) * backbone.embedding_size
        self.critics = Critics(size, len(context.tasks), settings.hidden)
        self.register_buffer("strength", torch.zeros(()))

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,
        settings: MethodSettings,  # noqa: ARG003
        manifest: Manifest | None,
    ) -> str | None:
        """Episodes need impressions, and a reward for each task on every row."""
        if data.given:
            return f"rmtl rewards every impression, and data.given restricts {', '.join(data.given)} to some of them"
        if manifest and manifest.negatives.source == "sampled":
            return "rmtl needs the impressions of a user in their order, and this dataset's negatives are sampled"
        if manifest and not manifest.mean_click_length:
            return "rmtl needs the impressions of a user in their order, and this dataset has no times"
        return None

    @classmethod
    def least_epochs(cls, settings: MethodSettings) -> int:
        """One after the warm-up, without which the method is plain."""
        assert isinstance(settings, RMTLSettings)
        return settings.warm_up + 1

    def begin_epoch(self, backbone: Backbone, feed: Feed, epoch: int, seed: int) -> None:
        """Trains the critics before the first epoch after ``warm_up``.

        Raises:
            CtrbenchError: the training rows have no order within an episode.
        """
        if epoch == 1:
            check_order(feed)
        if epoch == self.settings.warm_up + 1:
            train_critics(self.critics, backbone, feed, self.settings, stream(seed, "critics", epoch, feed.device))
            self.strength.fill_(self.settings.weight)

    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:  # noqa: ARG002
        """L_C of rows weighted by 1 - strength * Q; the parts are the losses without these weights, and mean Q."""
        scored, tasks = backbone.score(backbone.interact(embedded), embedded), self.context.tasks
        logits = scored.logits
        q = self.critics(_state_action(embedded, logits))
        losses = functional.binary_cross_entropy_with_logits(logits, batch.labels, reduction="none")
        means = ((1 - self.strength * q) * losses).mean(0).unbind()
        weighted = [weight * mean for weight, mean in zip(self.context.task_weights, means, strict=True)]
        loss = Loss(
            functools.reduce(torch.add, weighted),
            parts=dict(zip(tasks, losses.mean(0).unbind(), strict=True)),
            primary=dict(zip(tasks, weighted, strict=True)),
        )
        loss = self.with_terms_of(scored, batch, loss)
        return loss.noting(**{f"Q of {task}": value for task, value in zip(tasks, q.mean(0), strict=True)})


def check_order(feed: Feed) -> None:
    """Checks that time orders the rows of an episode.

    Raises:
        CtrbenchError: no row follows another of its episode, or more than :data:`MOST_TIED` of those that do have its
            time.
    """
    rows = feed.training.rows
    times = feed.prepared.times(rows)
    following = successors(feed.prepared.rows["user"][rows], times)
    follows = following != END
    if not follows.any():
        raise CtrbenchError(
            f"rmtl needs users with several impressions a day, and {feed.prepared.manifest.name} has none in its "
            "training rows; leave the method out"
        )
    tied = (times[following[follows]] == times[follows]).double().mean().item()
    if tied > MOST_TIED:
        raise CtrbenchError(
            f"rmtl needs the impressions of a user in their order, and in {feed.prepared.manifest.name} {tied:.0%} of "
            "the training rows that follow another of the same user and day have its time; leave the method out"
        )


def train_critics(
    critics: Critics, backbone: Backbone, feed: Feed, settings: RMTLSettings, generator: torch.Generator
) -> None:
    """Stage 2: fits the critics to the episodes of the training rows, with the model's predictions as actions."""
    following = successors(feed.prepared.rows["user"][feed.training.rows], feed.prepared.times(feed.training.rows))
    lesson = CriticTrainer(critics, rate=settings.critic_rate, discount=settings.discount, follow=settings.follow)
    backbone.eval()
    with lesson:
        for _ in range(settings.passes):
            order = torch.randperm(len(following), generator=generator, device=feed.device)
            for transitions in _transitions(backbone, feed, order, following[order], settings.batch_size):
                lesson.step(transitions)
    backbone.train()


def _transitions(backbone: Backbone, feed: Feed, order: Tensor, after: Tensor, size: int) -> Iterator[Transitions]:
    """The training examples at the positions ``order`` (E,), each with the one at ``after`` (E,), in batches."""
    ended = after == END
    examples = feed.training[order], feed.training[torch.where(ended, order, after)]
    batches = [feed.batches(each, size) for each in examples]
    for batch, then, end in zip(*batches, ended.split(size), strict=True):
        seen = _see(backbone, batch)
        yield Transitions(seen, reward(seen.action, batch.labels), _see(backbone, then), end)


@torch.no_grad()
def _see(backbone: Backbone, batch: Batch) -> StateAction:
    embedded = backbone.embed(batch)
    return _state_action(embedded, backbone.predict(backbone.interact(embedded), embedded))


def _state_action(embedded: Embedded, logits: Tensor) -> StateAction:
    """Without gradients: the critics are a constant to the model."""
    return StateAction(embedded.fields.detach().flatten(1), logits.detach().sigmoid())
