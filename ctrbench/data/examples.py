"""The examples of an epoch or of an evaluation, and their batches, built by index from resident tensors."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ctrbench.data.batch import Batch
from ctrbench.data.inputs import Inputs
from ctrbench.data.items import Items
from ctrbench.data.negatives import NegativeSampler
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.data.settings import DataSettings
from ctrbench.data.streams import stream
from ctrbench.errors import CtrbenchError
from ctrbench.registry import unknown


@dataclass(frozen=True)
class Examples:
    """Rows in the order in which they are read; a sampled negative is its positive's row with another item.

    Shape:
        E examples: ``rows`` (E,) int64 positions in ``Prepared.rows``, ``items`` (E,), ``labels`` (E,) float.
    """

    rows: Tensor
    items: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, order: Tensor) -> "Examples":
        return Examples(self.rows[order], self.items[order], self.labels[order])


class Feed:
    """Cuts examples of one dataset into batches for one run's inputs; test rows are locked until :meth:`allow`.

    With ``tuning`` it is the feed of a search's trial: the rows that the dataset sets aside for tuning are left out of
    training and stand in for validation, so that nothing outside the training split is read (AQCL eq. 7).
    Popularity, by which negatives are drawn, counts the whole training split there too: it is the dataset's.
    """

    def __init__(self, prepared: Prepared, settings: DataSettings, *, tuning: bool = False) -> None:
        self.prepared = prepared
        self.settings = settings
        self.inputs = Inputs.of(prepared.manifest, settings.fields)
        self.device = prepared.sequence.device
        self._readable = {Split.VALIDATION}
        if settings.label not in prepared.manifest.labels:
            raise unknown("label", settings.label, prepared.manifest.labels)
        self.items = Items.of(prepared, self.inputs)
        train = prepared.indices(Split.TRAIN)
        held_out = prepared.rows["search_holdout"][train] == 1
        sampled = prepared.manifest.negatives.source == "sampled"
        self._tuning = self._tuning_examples(train[held_out], sampled=sampled) if tuning else None
        train = train[~held_out] if tuning else train
        self._sampler = NegativeSampler(prepared, train) if sampled else None
        self._training = self._stored(train[prepared.rows["length"][train] >= settings.minimum_history])
        if len(self._training) == 0:
            raise CtrbenchError(
                f"{prepared.manifest.name}: no training row with {settings.minimum_history} clicks before"
            )

    def _tuning_examples(self, rows: Tensor, *, sampled: bool) -> Examples:
        """The rows a trial is judged by, each sampled negative drawn once, the same for every trial."""
        if len(rows) == 0:
            raise CtrbenchError(f"{self.prepared.manifest.name}: no training row is set aside to search settings on")
        positives = self._stored(rows)
        if not sampled:
            return positives
        sampler = NegativeSampler(self.prepared, self.prepared.indices(Split.TRAIN))
        return self._with_negatives(positives, 1, sampler, stream(0, "negatives", 0, self.device))

    def _stored(self, rows: Tensor) -> Examples:
        columns = self.prepared.rows
        return Examples(rows, columns["item"][rows], columns[self.settings.label][rows].float())

    def split(self, split: Split) -> Examples:
        """A split's stored rows, in their stored order.

        Raises:
            CtrbenchError: the test split, while training has not ended.
        """
        if split not in self._readable:
            raise CtrbenchError(f"{split.name.lower()} rows were asked for before the training ended")
        if split == Split.VALIDATION and self._tuning is not None:
            return self._tuning
        return self._stored(self.prepared.indices(split))

    def allow(self, split: Split) -> None:
        """Lets a split be read: the test split, once the best weights stand."""
        self._readable.add(split)

    def epoch(self, seed: int, epoch: int) -> Examples:
        """The training examples of one epoch, shuffled, with its negatives."""
        examples = self._training
        if self._sampler is not None:
            drawn_in = epoch if self.settings.negatives == "fresh" else 0
            generator = stream(seed, "negatives", drawn_in, self.device)
            examples = self._with_negatives(examples, self.settings.negatives_per_positive, self._sampler, generator)
        shuffle = stream(seed, "shuffle", epoch, self.device)
        return examples[torch.randperm(len(examples), generator=shuffle, device=self.device)]

    def _with_negatives(
        self, positives: Examples, count: int, sampler: NegativeSampler, generator: torch.Generator
    ) -> Examples:
        rows = positives.rows.repeat(count)
        drawn = sampler.draw(self.prepared.rows["user"][rows], generator)
        return Examples(
            torch.cat([positives.rows, rows]),
            torch.cat([positives.items, drawn]),
            torch.cat([positives.labels, torch.zeros(len(rows), device=self.device)]),
        )

    def batches(self, examples: Examples, size: int) -> Iterator[Batch]:
        """Batches of ``size`` examples, the last one smaller.

        The number of history positions of every batch is fetched once, before the first batch, so that no batch waits
        for the device.
        """
        full = self.prepared.rows["length"][examples.rows].long()
        length = full.clamp(max=self.settings.history_length)
        start = self.prepared.rows["start"][examples.rows] + full - length
        ends = [*range(size, len(examples), size), len(examples)]
        totals = torch.cumsum(length, 0)[torch.tensor(ends, device=self.device) - 1].tolist()
        begin, before = 0, 0
        for end, total in zip(ends, totals, strict=True):
            cut = slice(begin, end)
            batch = Examples(examples.rows[cut], examples.items[cut], examples.labels[cut])
            yield self._batch(batch, start[cut], length[cut], full[cut], total - before)
            begin, before = end, total

    def _batch(self, examples: Examples, start: Tensor, length: Tensor, full: Tensor, positions: int) -> Batch:
        offsets = torch.zeros(len(examples) + 1, dtype=torch.int64, device=self.device)
        torch.cumsum(length, 0, out=offsets[1:])
        owners = torch.repeat_interleave(length, output_size=positions)
        place = torch.arange(positions, device=self.device) + (start - offsets[:-1])[owners]
        history = self.items.columns[self.prepared.sequence[place]]
        return Batch(
            ids=self._ids(examples),
            history=history,
            offsets=offsets,
            owners=owners,
            labels=examples.labels.unsqueeze(1),
            click_length=full.float(),
        )

    def _ids(self, examples: Examples) -> Tensor:
        columns = []
        users = self.prepared.rows["user"][examples.rows]
        for field in self.inputs.fields:
            if field.name == "item":
                columns.append(examples.items)
            elif field.source == "item":
                columns.append(self.prepared.items[field.name][examples.items])
            elif field.name == "user":
                columns.append(users)
            elif field.source == "user":
                columns.append(self.prepared.users[field.name][users])
            else:
                columns.append(self.prepared.rows[field.name][examples.rows])
        return torch.stack(columns, 1)
