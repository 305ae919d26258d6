"""The training loop: one readable function, early stopping on validation, resumable at every look.

A look is one validation; ``training.looks`` of them, 1 by default, cut an epoch into equal parts. Protocol: batches,
negatives, dropout and augmentation come from streams derived from (seed, purpose, epoch), whose states a checkpoint
within an epoch holds, so a resumed run is bit-equal to an uninterrupted one. Training never reads test rows.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ctrbench.backbones.base import Backbone
from ctrbench.backbones.kernels import describe_kernels
from ctrbench.data.batch import Batch
from ctrbench.data.classes import require_both_classes
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.errors import DivergedError
from ctrbench.methods.base import Loss, Method
from ctrbench.training.attention import summarise_attention
from ctrbench.training.balance.build import build_balancer
from ctrbench.training.checkpoint import below, dump, parse, under
from ctrbench.training.history import EpochMetrics
from ctrbench.training.optimizer import Optimizer
from ctrbench.training.predict import predict
from ctrbench.training.probe import probe
from ctrbench.training.schedule import find_drops, learning_rate
from ctrbench.training.settings import TrainingSettings
from ctrbench.training.under_way import EpochUnderWay
from ctrbench.training.validation import Watch, validate

LAYOUT = 7
"""Version of a checkpoint's layout; counted up when the names of its tensors or the fields of its epochs change."""


class Training:
    """The state of one run between two looks."""

    def __init__(
        self,
        backbone: Backbone,
        method: Method,
        feed: Feed,
        settings: TrainingSettings,
        seed: int,
        *,
        attention_rows: int = 0,
    ) -> None:
        """Checks that every task can be trained and judged.

        With ``attention_rows``, every look summarises the attention weights, on so many validation rows
        (:mod:`ctrbench.training.attention`).

        Raises:
            CtrbenchError: a task has rows of one class only, ``watch`` names no task or metric, or ``balance`` needs a
                second task.
        """
        self.watch = Watch.of(settings.watch, feed.tasks)
        require_both_classes(feed)
        settings.check_balance(feed.tasks.trained)
        self.backbone, self.method, self.feed, self.settings, self.seed = backbone, method, feed, settings, seed
        self.attention_rows = attention_rows
        self.balancer = build_balancer(settings, backbone, method).to(feed.device)
        self.optimizer = Optimizer(backbone, method, self.balancer, settings)
        self.epochs: list[EpochMetrics] = []
        self.under_way: EpochUnderWay | None = None
        """The epoch under way, between two of its looks; None at its end."""
        self.best = self._weights()

    @property
    def best_epoch(self) -> int:
        """Number of the first look with the best watched value (the epoch, with one look per epoch); 0 before any."""
        scored = [(self.watch.score(epoch), -epoch.epoch) for epoch in self.epochs]
        return -max(scored)[1] if scored else 0

    @property
    def drops(self) -> list[int]:
        """The looks after which the learning rate dropped."""
        return find_drops([self.watch.score(epoch) for epoch in self.epochs], self.settings)

    @property
    def finished(self) -> bool:
        """Whether the epochs, or the patience since the best look or the last drop of the rate, are used up."""
        done, since = len(self.epochs), max([self.best_epoch, *self.drops])
        return done >= self.settings.most_looks or done - since >= self.settings.patience

    def add(self, epoch: EpochMetrics) -> None:
        """Appends a look; keeps its weights if it is the best so far."""
        self.epochs.append(epoch)
        if self.best_epoch == epoch.epoch:
            self.best = self._weights()

    def _weights(self) -> dict[str, torch.Tensor]:
        """A copy of the weights of backbone and method: a codebook fits only the backbone that it was trained with."""
        state = {**under("backbone", self.backbone.state_dict()), **under("method", self.method.state_dict())}
        return {name: tensor.clone() for name, tensor in state.items()}

    def load_best(self) -> None:
        """Loads the weights of the best look into backbone and method."""
        self.backbone.load_state_dict(below("backbone", self.best))
        self.method.load_state_dict(below("method", self.best))

    def checkpoint(self) -> bytes:
        """:meth:`state` as bytes."""
        return dump(*self.state())

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Weights, moments while something is left to train, the balance's state, best weights unless they are the
        latest and, within an epoch, the states of its random streams; and the looks so far."""
        best = {} if self.best_epoch == len(self.epochs) else self.best
        tensors = {
            **under("backbone", self.backbone.state_dict()),
            **under("method", self.method.state_dict()),
            **under("optimizer", {} if self.finished else self.optimizer.state()),
            **under("balance", self.balancer.state_dict()),
            **under("best", best),
            **under("stream", self.under_way.streams() if self.under_way else {}),
        }
        return tensors, {"origin": self.origin, "epochs": [asdict(epoch) for epoch in self.epochs]}

    @property
    def origin(self) -> dict[str, str]:
        """What decides the bits besides the configuration, and the layout; a checkpoint of another origin is ignored.

        Another kind of device or another version of torch draws other random numbers; other kernels round otherwise.
        """
        return {
            "data": self.feed.prepared.manifest.fingerprint_with(cohort.name for cohort in self.feed.cohorts),
            "device": self.feed.device.type,
            "torch": torch.__version__,
            "kernels": describe_kernels(self.backbone, self.method),
            "layout": str(LAYOUT),
        }

    def restore(self, checkpoint: bytes) -> None:
        """Restores a checkpoint; ignores one of another :meth:`origin`, so that the job starts over.

        Raises:
            CtrbenchError: the bytes are not a checkpoint.
        """
        self.load(*parse(checkpoint, self.feed.device))

    def load(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """As :meth:`restore`, from the result of :meth:`state`."""
        if state.get("origin") != self.origin:
            return
        self.backbone.load_state_dict(below("backbone", tensors))
        self.method.load_state_dict(below("method", tensors))
        self.best = below("best", tensors) or self._weights()
        if moments := below("optimizer", tensors):
            self.optimizer.restore(moments)
        self.balancer.load_state_dict(below("balance", tensors))
        self.epochs = [EpochMetrics.parse(epoch) for epoch in state["epochs"]]
        if streams := below("stream", tensors):
            self.under_way = self.begin(1 + len(self.epochs) // self.settings.looks)
            self.under_way.restore(streams)

    def begin(self, epoch: int) -> EpochUnderWay:
        """Prepares an epoch; no batch has been trained yet.

        Raises:
            CtrbenchError: the epoch has fewer batches than looks.
        """
        settings = self.settings
        return EpochUnderWay(self.feed, self.seed, epoch, batch_size=settings.batch_size, looks=settings.looks)

    def step(self, batch: Batch, rate: float, generator: torch.Generator, *, probing: bool = False) -> Loss:
        """One step of Adam at a learning rate; the loss before it, penalties included, without its graph.

        Among its parts are the weights that the balance gave to its terms and, with ``probing``, what
        :func:`ctrbench.training.probe.probe` finds.
        """
        embedded = self.backbone.embed(batch)
        loss = self.method.loss(self.backbone, batch, embedded, generator)
        if probing:
            loss = loss.noting(**probe(loss, [*self.backbone.parameters()]))
        total = loss.total
        if self.settings.penalty:
            total = total + self.settings.penalty * embedded.squared_norm()
        self.optimizer.clear()
        weights = self.balancer.backward(total, loss, generator)
        loss = loss.noting(**{f"weight of {term}": weight for term, weight in weights.items()})
        total = total.detach() + self.optimizer.step(rate)
        return Loss(total, {name: part.detach() for name, part in loss.parts.items()})


def fit(training: Training) -> Iterator[EpochMetrics]:
    """Trains from the state of ``training`` until the patience or the epochs are used up; yields each look.

    Once the iterator is exhausted, backbone and method hold the best look's weights.

    Raises:
        CtrbenchError: an epoch has fewer batches than looks.
        DivergedError: the loss is not finite.
    """
    while not training.finished:
        training.add(_look(training, len(training.epochs) + 1))
        yield training.epochs[-1]
    training.load_best()


def _look(training: Training, look: int) -> EpochMetrics:
    wall, cpu = time.perf_counter(), time.process_time()
    before, part = divmod(look - 1, training.settings.looks)
    rows, loss, parts = train_epoch(training, before + 1, part + 1)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    feed = training.feed
    predicted = predict(training.backbone, feed, Split.VALIDATION)
    if not np.isfinite(predicted).all():
        raise DivergedError(f"epoch {before + 1} leaves weights that predict {predicted[~np.isfinite(predicted)][0]}")
    targets = feed.targets(feed.split(Split.VALIDATION))
    return EpochMetrics(
        epoch=look,
        loss=loss,
        parts=parts,
        validation=validate(feed.tasks, targets, predicted, training.watch),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        rows_per_second=rows / cpu_seconds,
        attention=summarise_attention(training.backbone, feed, training.attention_rows),
    )


def train_epoch(training: Training, epoch: int, part: int = 1) -> tuple[int, float, dict[str, float]]:
    """Trains a part (from 1, of ``training.looks``) of one pass over the training examples.

    The parts of an epoch are trained in turn; no batch waits for the device. Returns the number of examples, the mean
    loss and the mean parts of the loss.
    """
    feed, settings = training.feed, training.settings
    if part == 1:
        training.method.begin_epoch(training.backbone, feed, epoch, training.seed)
        training.under_way = training.begin(epoch)
    under_way = training.under_way
    assert under_way is not None
    assert under_way.epoch == epoch
    examples, begin, dropped = under_way.part(part), under_way.first_batch(part), len(training.drops)
    totals, sums = torch.zeros((), device=feed.device), dict[str, torch.Tensor]()
    counts, steps = Counter[str](), 0
    with under_way.dropout():
        for batch in feed.batches(examples, settings.batch_size):
            progress = (epoch - 1 + (begin + steps) / under_way.batches) / settings.epochs
            rate = learning_rate(settings, progress, dropped)
            probing = settings.probe_every > 0 and steps % settings.probe_every == 0
            loss = training.step(batch, rate, under_way.augmentation, probing=probing)
            steps += 1
            totals = totals + loss.total
            for name, value in loss.parts.items():
                sums[name] = sums.get(name, 0) + value
            counts.update(loss.parts.keys())
    training.optimizer.flush()
    if part == settings.looks:
        training.under_way = None
    mean, means = float(totals) / steps, {name: float(value) / counts[name] for name, value in sums.items()}
    if not all(map(torch.isfinite, (totals, *sums.values()))):
        raise DivergedError(f"the loss of epoch {epoch} is {mean}; parts: {means}")
    return len(examples), mean, means
