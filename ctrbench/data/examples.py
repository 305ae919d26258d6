"""The examples of an epoch or of an evaluation, and their batches, built by index from resident tensors."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs
from ctrbench.data.items import Items
from ctrbench.data.negatives import NegativeSampler
from ctrbench.data.numbers import number_of
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import HELD_OUT, NUMBERS, Cohort, Manifest, Source, Split
from ctrbench.data.settings import DataSettings
from ctrbench.data.streams import stream
from ctrbench.data.tasks import Tasks
from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown

SEARCH_HOLDOUT = "search_holdout"
"""The column of ``Prepared.rows`` that says what a search does with a training row (:mod:`ctrbench.data.schema`)."""


@dataclass(frozen=True)
class Examples:
    """Rows in the order in which they are read; a sampled negative is its positive's row with another item.

    Shape:
        E examples, T tasks: ``rows`` (E,) int64 positions in ``Prepared.rows``, ``items`` (E,), ``labels`` (E, T)
        float, ``observed`` (E, T) bool or None where every task is trained on every row.
    """

    rows: Tensor
    items: Tensor
    labels: Tensor
    observed: Tensor | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, part: Tensor | slice) -> "Examples":
        observed = None if self.observed is None else self.observed[part]
        return Examples(self.rows[part], self.items[part], self.labels[part], observed)

    def spread(self, count: int) -> "Examples":
        """``count`` examples at equal distances, the first and the last included; all of them if there are fewer."""
        total = len(self)
        count = min(count, total)
        places = torch.arange(count, device=self.rows.device) * (total - 1) // max(count - 1, 1)
        return self[places]


@dataclass(frozen=True)
class Targets:
    """Labels of examples by task, trained and derived, and the examples on which the task is defined (None: all).

    Shape:
        E examples: every array is (E,).
    """

    labels: dict[str, NDArray[np.bool_]]
    observed: dict[str, NDArray[np.bool_] | None]
    users: NDArray[np.int32]

    def of(self, task: str) -> NDArray[np.bool_]:
        """The labels of the examples on which a task is defined."""
        observed = self.observed[task]
        return self.labels[task] if observed is None else self.labels[task][observed]


class Feed:
    """Cuts examples of one dataset into batches for one run's inputs; test rows are locked until :meth:`unlock`.

    With ``search_holdout`` it is the feed of a search's trial: the search holdout is left out of training and stands in
    for validation, so that nothing outside the training split is read (AQCL eq. 7). Popularity, by which negatives are
    drawn, still counts the whole training split: it is a property of the dataset.
    """

    def __init__(
        self,
        prepared: Prepared,
        settings: DataSettings,
        *,
        search_holdout: bool = False,
        cohorts: tuple[str, ...] = (),
    ) -> None:
        """``cohorts`` are the columns of ``Batch.cohorts``: the cohorts and numbers that the run's method reads.

        Raises:
            CtrbenchError: a field, label, task or cohort is unknown, or no row is left to train on.
        """
        self.prepared = prepared
        self.settings = settings
        self.inputs = Inputs.of(prepared.manifest, settings.fields)
        self.tasks = Tasks.of(settings, prepared.manifest.labels, prepared.manifest.name)
        self.cohorts = tuple(_cohort(prepared.manifest, name) for name in cohorts)
        self.device = prepared.sequence.device
        self._readable = {Split.VALIDATION}
        self.items = Items.of(prepared, self.inputs)
        train = prepared.indices(Split.TRAIN)
        of_search = prepared.rows[SEARCH_HOLDOUT][train]
        self.sampled = prepared.manifest.negatives.source == "sampled"
        self._search_holdout = self._judged(train[of_search == HELD_OUT]) if search_holdout else None
        train = train[of_search == 0] if search_holdout else train
        self._sampler = NegativeSampler(prepared, train) if self.sampled else None
        self.training = self._stored(train[prepared.rows["length"][train] >= settings.minimum_history])
        if len(self.training) == 0:
            raise CtrbenchError(
                f"{prepared.manifest.name}: no training row with {settings.minimum_history} clicks before; "
                "lower data.minimum_history"
            )

    @property
    def judged_on(self) -> str:
        """The name of the rows that stop training, for messages."""
        return "validation" if self._search_holdout is None else "search holdout"

    def _judged(self, rows: Tensor) -> Examples:
        """The search holdout, each sampled negative drawn once, the same for every trial."""
        if len(rows) == 0:
            raise CtrbenchError(f"{self.prepared.manifest.name}: the search holdout is empty, so no search is possible")
        positives = self._stored(rows)
        if not self.sampled:
            return positives
        sampler = NegativeSampler(self.prepared, self.prepared.indices(Split.TRAIN))
        return self._with_negatives(positives, 1, sampler, stream(0, "negatives", 0, self.device))

    def _stored(self, rows: Tensor) -> Examples:
        columns, tasks = self.prepared.rows, self.tasks
        labels = torch.stack([columns[task][rows] for task in tasks.trained], 1).float()
        observed = None
        if tasks.given:
            everywhere = torch.ones_like(rows, dtype=torch.bool)
            given = [
                columns[tasks.given[task]][rows] == 1 if task in tasks.given else everywhere for task in tasks.trained
            ]
            observed = torch.stack(given, 1)
        return Examples(rows, columns["item"][rows], labels, observed)

    def split(self, split: Split) -> Examples:
        """A split's stored rows, in their stored order.

        Raises:
            CtrbenchError: the split is the test split, and training has not ended.
        """
        if split not in self._readable:
            raise CtrbenchError(f"{split.name.lower()} rows were read before the training ended")
        if split == Split.VALIDATION and self._search_holdout is not None:
            return self._search_holdout
        return self._stored(self.prepared.indices(split))

    def unlock(self, split: Split) -> None:
        """Lets a split be read: the test split, once the best weights are restored."""
        self._readable.add(split)

    def end_training(self) -> None:
        """Lets the training examples go, whose memory measuring may need."""
        self.training = self.training[:0]

    def epoch(self, seed: int, epoch: int) -> Examples:
        """The training examples of one epoch, shuffled, with its negatives."""
        examples = self.training
        if self._sampler is not None:
            drawn_in = epoch if self.settings.negatives == "fresh" else 0
            generator = stream(seed, "negatives", drawn_in, self.device)
            examples = self._with_negatives(examples, self.settings.negatives_per_positive, self._sampler, generator)
        shuffle = stream(seed, "shuffle", epoch, self.device)
        return examples[torch.randperm(len(examples), generator=shuffle, device=self.device)]

    def _with_negatives(
        self, positives: Examples, count: int, sampler: NegativeSampler, generator: torch.Generator
    ) -> Examples:
        """The positives, then ``count`` negatives of each: 0 for every task, and not rows of conditional tasks."""
        rows = positives.rows.repeat(count)
        drawn = sampler.draw(self.prepared.rows["user"][rows], generator)
        observed = positives.observed
        if observed is not None:
            always = torch.tensor([task not in self.tasks.given for task in self.tasks.trained], device=self.device)
            observed = torch.cat([observed, always.expand(len(rows), -1)])
        return Examples(
            torch.cat([positives.rows, rows]),
            torch.cat([positives.items, drawn]),
            torch.cat([positives.labels, positives.labels.new_zeros(len(rows), len(self.tasks.trained))]),
            observed,
        )

    def targets(self, examples: Examples) -> "Targets":
        """The labels of the examples for every task, derived ones included."""
        trained = self.tasks.trained
        columns = {task: examples.labels[:, t].cpu().numpy() for t, task in enumerate(trained)}
        observed: dict[str, NDArray[np.bool_] | None] = dict.fromkeys(self.tasks.names)
        if examples.observed is not None:
            given = {task: t for t, task in enumerate(trained) if task in self.tasks.given}
            observed |= {task: examples.observed[:, t].cpu().numpy() for task, t in given.items()}
        observed |= {task: columns[second] > 0 for task, (_, second) in self.tasks.conditional.items()}
        users = self.prepared.rows["user"][examples.rows].cpu().numpy()
        return Targets(self.tasks.labels(columns), observed, users)

    def batches(self, examples: Examples, size: int, *, positions: int | None = None) -> Iterator[Batch]:
        """Batches of ``size`` examples, or of fewer where their histories hold more than ``positions`` clicks.

        The number of history positions of every batch is fetched once, before the first batch, so that no batch waits
        for the device.
        """
        begin, before = 0, 0
        for end, total in self._cuts(examples, size, positions):
            yield self._batch(examples[begin:end], total - before)
            begin, before = end, total

    def _cuts(self, examples: Examples, size: int, positions: int | None) -> list[tuple[int, int]]:
        """Where each batch ends, and the number of history positions up to there."""
        length = self.prepared.rows["length"][examples.rows].clamp_(max=self.settings.history_length)
        if positions is not None:
            clicks = torch.cumsum(length, 0).cpu().numpy()
            ends = _ends(clicks, size, positions)
            return [(end, int(clicks[end - 1])) for end in ends]
        # Sums of batches, and not a running sum over all examples, which takes four times the memory of the lengths.
        totals = torch.stack([of_batch.sum() for of_batch in length.split(size)]).cumsum(0).tolist()
        return list(zip([*range(size, len(examples), size), len(examples)], totals, strict=True))

    def _batch(self, examples: Examples, positions: int) -> Batch:
        full = self.prepared.rows["length"][examples.rows].long()
        length = full.clamp(max=self.settings.history_length)
        start = self.prepared.rows["start"][examples.rows] + full - length
        offsets = torch.zeros(len(examples) + 1, dtype=torch.int64, device=self.device)
        torch.cumsum(length, 0, out=offsets[1:])
        owners = torch.repeat_interleave(length, output_size=positions)
        place = torch.arange(positions, device=self.device) + (start - offsets[:-1])[owners]
        history = self.items.columns[self.prepared.sequence[place]]
        return Batch(
            ids=torch.stack([self._column(examples, field.source, field.name) for field in self.inputs.fields], 1),
            history=history,
            offsets=offsets,
            owners=owners,
            labels=examples.labels,
            click_length=full.float(),
            observed=examples.observed,
            cohorts=self.cohort_codes(examples) if self.cohorts else None,
        )

    def cohort_codes(self, examples: Examples) -> Tensor:
        """The codes and numbers (E, C) int32 of the examples in the columns of ``cohorts``."""
        return torch.stack([self._column(examples, cohort.source, cohort.name) for cohort in self.cohorts], 1).int()

    def _column(self, examples: Examples, source: Source, name: str) -> Tensor:
        """A field, cohort or number (E,) of the examples; a sampled negative has the value of its own item."""
        if name in NUMBERS:
            users = self.prepared.rows["user"][examples.rows]
            return number_of(self.prepared, name, examples.rows, examples.items, users)
        if source == "row":
            return self.prepared.rows[name][examples.rows]
        keys = examples.items if source == "item" else self.prepared.rows["user"][examples.rows]
        return keys if name == source else self.prepared.of(source)[name][keys]


def _cohort(manifest: Manifest, name: str) -> Cohort:
    if name in NUMBERS:
        return Cohort(name=name, source=NUMBERS[name], values=())
    for cohort in manifest.cohorts:
        if cohort.name == name:
            return cohort
    raise CtrbenchError(f"{manifest.name}: {unknown('cohort', name, [cohort.name for cohort in manifest.cohorts])}")


def _ends(clicks: NDArray[np.int64], size: int, positions: int) -> list[int]:
    """Where each batch ends, given the running number of history positions (E,); a batch has one row at least."""
    ends, begin, before = [], 0, 0
    while begin < len(clicks):
        fitting = int(np.searchsorted(clicks, before + positions, side="right"))
        begin = max(min(begin + size, fitting), begin + 1)
        before = int(clicks[begin - 1])
        ends.append(begin)
    return ends
