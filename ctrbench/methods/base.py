"""The contract of every method: a loss over a backbone's three steps.

Shape:
    B rows, T trained tasks, H size of h.
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctrbench.backbones.base import Backbone, Embedded, Scored
from ctrbench.data.batch import Batch
from ctrbench.data.examples import Feed
from ctrbench.data.items import Items
from ctrbench.data.schema import Cohort, Manifest
from ctrbench.data.settings import DataSettings
from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown
from ctrbench.strict import Strict


@dataclass(frozen=True)
class Loss:
    """What a step minimises, and its parts by name for the record. All are scalars on the device."""

    total: Tensor
    parts: dict[str, Tensor]
    terms: dict[str, Tensor] = field(default_factory=dict)
    """What the parts that a method adds contribute to the total, by the part's name."""
    primary: dict[str, Tensor] = field(default_factory=dict)
    """What each task contributes to the total."""

    def plus(self, name: str, part: Tensor, weight: float = 1.0) -> "Loss":
        """The loss with ``weight * part`` added to the total, and the part, not weighted, among the parts.

        Raises:
            CtrbenchError: a task has the same name as the part.
        """
        term = part if weight == 1 else weight * part
        noted = self.noting(**{name: part})
        return replace(noted, total=self.total + term, terms={**self.terms, name: term})

    def noting(self, **values: Tensor) -> "Loss":
        """The loss with more values for the record, which add nothing to the total.

        Raises:
            CtrbenchError: a task has the same name as a value.
        """
        for name in values:
            if name in self.parts:
                raise CtrbenchError(f"task {name!r} has the name of a part of the method's loss; rename the label")
        return replace(self, parts=self.parts | values)


@dataclass(frozen=True)
class Context:
    """What a method may know about the run when it is constructed."""

    manifest: Manifest
    items: Items
    cohorts: tuple[Cohort, ...] = ()
    """The cohorts in the columns of ``Batch.cohorts``, with the names of their codes."""
    tasks: tuple[str, ...] = ("click",)
    """The T trained tasks; the first is the main one."""
    task_weights: tuple[float, ...] = (1.0,)
    """(T,) weight of each task's loss."""

    @classmethod
    def of(cls, feed: Feed, task_weights: Mapping[str, float]) -> Self:
        """The context of a run on a feed.

        Raises:
            CtrbenchError: a weight is given for a task that is not trained.
        """
        tasks = feed.tasks.trained
        for task in task_weights:
            if task not in tasks:
                raise CtrbenchError(f"training.task_weights: {unknown('task', task, tasks)}")
        weights = tuple(task_weights.get(task, 1.0) for task in tasks)
        return cls(feed.prepared.manifest, feed.items, feed.cohorts, tasks, weights)


class MethodSettings(Strict):
    """Settings of a method; plain has none."""


class Method(nn.Module, ABC):
    """Base class; owns what its paper adds. A subclass sets ``Settings``, ``paper`` and ``source``."""

    Settings: ClassVar[type[MethodSettings]] = MethodSettings
    paper: ClassVar[str]
    source: ClassVar[str]

    def __init__(self, backbone: Backbone, context: Context, settings: MethodSettings) -> None:  # noqa: ARG002
        super().__init__()
        self.context = context

    @classmethod
    def refuses(
        cls,
        backbone: str,  # noqa: ARG003
        data: DataSettings,  # noqa: ARG003
        settings: MethodSettings,  # noqa: ARG003
        manifest: Manifest | None,  # noqa: ARG003
    ) -> str | None:
        """Why this method, with its settings, cannot work with a backbone, a run's section ``[data]`` or a dataset.

        None if it can. ``manifest`` is None where a report is made without the prepared data.
        """
        return None

    @classmethod
    def least_epochs(cls, settings: MethodSettings) -> int:  # noqa: ARG003
        """The fewest epochs in which the method is what its paper says; a run of fewer is refused."""
        return 1

    @classmethod
    def cohorts(cls, settings: MethodSettings) -> tuple[str, ...]:  # noqa: ARG003
        """The cohort columns that the method reads while it trains: the columns of ``Batch.cohorts``."""
        return ()

    def begin_epoch(self, backbone: Backbone, feed: Feed, epoch: int, seed: int) -> None:
        """Called before the first batch of each epoch (from 1), with the embedding tables up to date.

        A method with stages trains parts of its own here, and leaves the backbone's weights as they are. What it draws
        comes from streams of ``seed`` and ``epoch``, and its state is in its buffers, so that a resumed run is
        bit-equal.
        """

    @abstractmethod
    def loss(self, backbone: Backbone, batch: Batch, embedded: Embedded, generator: torch.Generator) -> Loss:
        """The loss of a batch that the backbone has embedded already; augmentations draw from ``generator``."""

    def task_loss(self, scored: Scored, batch: Batch) -> Loss:
        """L_C: the weighted sum over tasks of the mean logloss of the rows that a task is trained on.

        The result has one part for each task: its loss before weighting; and those that the backbone's own paper adds.
        """
        losses = self.losses(scored.logits, batch)
        weighted = self.weighted(losses)
        total = functools.reduce(torch.add, weighted)
        parts, primary = (dict(zip(self.context.tasks, each, strict=True)) for each in (losses, weighted))
        return self.with_terms_of(scored, batch, Loss(total, parts, primary=primary))

    def with_terms_of(self, scored: Scored, batch: Batch, loss: Loss) -> Loss:
        """The loss with what the paper of the backbone adds: parts, but no terms of the method to be balanced."""
        added = dict(scored.penalties)
        if scored.auxiliary:
            each = [self.weighted(self.losses(logits, batch)) for logits in scored.auxiliary]
            further = functools.reduce(torch.add, [own for losses in each for own in losses])
            added["auxiliary"] = scored.auxiliary_weight * further
        total = functools.reduce(torch.add, added.values(), loss.total)
        return replace(loss.noting(**added), total=total)

    def losses(self, logits: Tensor, batch: Batch) -> tuple[Tensor, ...]:
        """The mean loss of each of T tasks, given logits (B, T), over the rows that it is trained on: the logloss."""
        return mean_logloss(logits, batch.labels, batch.observed)

    def weighted(self, losses: tuple[Tensor, ...]) -> list[Tensor]:
        """The tasks' losses, each times its weight."""
        weights = self.context.task_weights
        return [loss if weight == 1 else weight * loss for loss, weight in zip(losses, weights, strict=True)]

    def codewords_of(self, h: Tensor) -> Tensor | None:  # noqa: ARG002
        """The codeword (B,) that rows with h (B, H) belong to; None for a method without a codebook."""
        return None


def clicks_are_seen(least: int, data: DataSettings, manifest: Manifest | None) -> bool:
    """Whether a run may see histories of ``least`` clicks; without a manifest, assume enough history."""
    return data.history_length >= least and (manifest is None or manifest.mean_click_length > 0)


def mean_logloss(logits: Tensor, labels: Tensor, observed: Tensor | None) -> tuple[Tensor, ...]:
    """Mean logloss of each of T tasks over its observed rows (B, T; None: all); 0 where a batch has no such row."""
    if observed is None and logits.shape[1] == 1:
        return (functional.binary_cross_entropy_with_logits(logits, labels),)
    rows = functional.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return mean_over_observed(rows, observed)


def mean_over_observed(losses: Tensor, observed: Tensor | None) -> tuple[Tensor, ...]:
    """Mean of each of T tasks' losses (B, T) over its observed rows (B, T; None: all); 0 where there is none."""
    if observed is None:
        return losses.mean(0).unbind()
    part = observed.to(losses.dtype)
    return ((losses * part).sum(0) / part.sum(0).clamp(min=1)).unbind()
