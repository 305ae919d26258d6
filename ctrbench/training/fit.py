"""The training loop: one readable function, early stopping on validation, resumable at every epoch.

Protocol: batches, negatives, dropout and augmentation come from streams derived from (seed, purpose, epoch), so a
resumed run is bit-equal to an undisturbed one. Test rows are not read here.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import torch

from ctrbench.backbones.base import Backbone
from ctrbench.data.classes import require_both_classes
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.data.streams import derived_seed, stream
from ctrbench.errors import DivergedError
from ctrbench.methods.base import Method
from ctrbench.training.checkpoint import below, dump, parse, under
from ctrbench.training.history import EpochMetrics
from ctrbench.training.predict import predict
from ctrbench.training.settings import TrainingSettings
from ctrbench.training.validation import Watch, validate

LAYOUT = 3
"""Of a checkpoint; counted up when the names of its tensors or the fields of its epochs change."""


class Training:
    """The state of one run between two epochs."""

    def __init__(self, backbone: Backbone, method: Method, feed: Feed, settings: TrainingSettings, seed: int) -> None:
        """Refuses what could not be trained or judged.

        Raises:
            CtrbenchError: a task has rows of one class only, or ``watch`` names no task or metric.
        """
        self.watch = Watch.of(settings.watch, feed.tasks, feed.prepared.manifest.name)
        require_both_classes(feed)
        self.backbone, self.method, self.feed, self.settings, self.seed = backbone, method, feed, settings, seed
        parameters = [*backbone.parameters(), *method.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
        self.epochs: list[EpochMetrics] = []
        self.best = self._weights()

    @property
    def best_epoch(self) -> int:
        """The first epoch with the best watched value; 0 before the first."""
        scored = [(self.watch.score(epoch), -epoch.epoch) for epoch in self.epochs]
        return -max(scored)[1] if scored else 0

    @property
    def finished(self) -> bool:
        """Whether the epochs, or the patience, are used up."""
        done = len(self.epochs)
        return done >= self.settings.epochs or done - self.best_epoch >= self.settings.patience

    def add(self, epoch: EpochMetrics) -> None:
        """Appends an epoch; keeps its weights if it is the best so far."""
        self.epochs.append(epoch)
        if self.best_epoch == epoch.epoch:
            self.best = self._weights()

    def _weights(self) -> dict[str, torch.Tensor]:
        """A copy of the weights of backbone and method: a codebook fits no other backbone than its own."""
        state = {**under("backbone", self.backbone.state_dict()), **under("method", self.method.state_dict())}
        return {name: tensor.clone() for name, tensor in state.items()}

    def load_best(self) -> None:
        """Gives backbone and method the weights of the best epoch."""
        self.backbone.load_state_dict(below("backbone", self.best))
        self.method.load_state_dict(below("method", self.best))

    def checkpoint(self) -> bytes:
        """Weights, moments, best weights and the epochs so far."""
        moments = {
            f"{index}.{name}": value
            for index, moment in self.optimizer.state_dict()["state"].items()
            for name, value in moment.items()
        }
        tensors = {
            **under("backbone", self.backbone.state_dict()),
            **under("method", self.method.state_dict()),
            **under("adam", moments),
            **under("best", self.best),
        }
        return dump(tensors, {"origin": self.origin, "epochs": [asdict(epoch) for epoch in self.epochs]})

    @property
    def origin(self) -> dict[str, str]:
        """What besides the configuration decides the bits, and the layout: a checkpoint that differs is not restored.

        Another kind of device or another version of torch draws other random numbers.
        """
        return {
            "data": self.feed.prepared.manifest.fingerprint_with(cohort.name for cohort in self.feed.cohorts),
            "device": self.feed.device.type,
            "torch": torch.__version__,
            "layout": str(LAYOUT),
        }

    def restore(self, checkpoint: bytes) -> None:
        """Restores what :meth:`checkpoint` gave; ignores a checkpoint of another origin, so that the job starts over.

        Raises:
            CtrbenchError: the bytes are not a checkpoint.
        """
        tensors, state = parse(checkpoint, self.feed.device)
        if state.get("origin") != self.origin:
            return
        self.backbone.load_state_dict(below("backbone", tensors))
        self.method.load_state_dict(below("method", tensors))
        self.best = below("best", tensors)
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name, tensor in below("adam", tensors).items():
            index, moment = name.split(".")
            moments.setdefault(int(index), {})[moment] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.epochs = [EpochMetrics(**epoch) for epoch in state["epochs"]]


def fit(training: Training) -> Iterator[EpochMetrics]:
    """Trains until the patience or the epochs are used up, from where ``training`` stands; yields each epoch.

    Once the iterator is exhausted, backbone and method hold the best epoch's weights.

    Raises:
        DivergedError: an epoch's loss is not finite.
    """
    while not training.finished:
        training.add(_epoch(training, len(training.epochs) + 1))
        yield training.epochs[-1]
    training.load_best()


def _epoch(training: Training, epoch: int) -> EpochMetrics:
    wall, cpu = time.perf_counter(), time.process_time()
    rows, loss, parts = train_epoch(training, epoch)
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    feed = training.feed
    predicted = predict(training.backbone, feed, Split.VALIDATION)
    if not np.isfinite(predicted).all():
        raise DivergedError(f"epoch {epoch} leaves weights that predict {predicted[~np.isfinite(predicted)][0]}")
    targets = feed.targets(feed.split(Split.VALIDATION))
    return EpochMetrics(
        epoch=epoch,
        loss=loss,
        parts=parts,
        validation=validate(feed.tasks, targets, predicted, training.watch),
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        rows_per_second=rows / cpu_seconds,
    )


def train_epoch(training: Training, epoch: int) -> tuple[int, float, dict[str, float]]:
    """One pass over the training examples: their number, mean loss and mean parts. No batch waits for the device."""
    backbone, method, feed, settings = training.backbone, training.method, training.feed, training.settings
    augmentation = stream(training.seed, "augmentation", epoch, feed.device)
    torch.manual_seed(derived_seed(training.seed, "dropout", epoch))
    examples = feed.epoch(training.seed, epoch)
    totals, sums = torch.zeros((), device=feed.device), dict[str, torch.Tensor]()
    steps = 0
    for batch in feed.batches(examples, settings.batch_size):
        embedded = backbone.embed(batch)
        loss = method.loss(backbone, batch, embedded, augmentation)
        total = loss.total
        if settings.penalty:
            total = total + settings.penalty * embedded.squared_norm()
        training.optimizer.zero_grad()
        total.backward()
        training.optimizer.step()
        steps += 1
        totals = totals + total.detach()
        for name, part in loss.parts.items():
            sums[name] = sums.get(name, 0) + part.detach()
    mean, means = float(totals) / steps, {name: float(value) / steps for name, value in sums.items()}
    if not all(map(torch.isfinite, (totals, *sums.values()))):
        raise DivergedError(f"the loss of epoch {epoch} is {mean}; parts: {means}")
    return len(examples), mean, means
