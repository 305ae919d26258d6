"""An epoch under way: its examples, and the states of its random streams between two looks.

Both are derived from (seed, epoch) at the start of the epoch. Between looks, the states of the two streams that a step
draws from go into the checkpoint, so that a run resumed at any look has the bits of an uninterrupted one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ctrbench.data.examples import Examples, Feed
from ctrbench.data.streams import derived_seed, stream
from ctrbench.errors import CtrbenchError


class EpochUnderWay:
    """The examples of one epoch, cut into equal parts of whole batches, and its streams.

    Raises:
        CtrbenchError: the epoch has fewer batches than parts.
    """

    def __init__(self, feed: Feed, seed: int, epoch: int, *, batch_size: int, looks: int) -> None:
        self.epoch, self.batch_size, self.looks, self.device = epoch, batch_size, looks, feed.device
        self.augmentation = stream(seed, "augmentation", epoch, feed.device)
        torch.manual_seed(derived_seed(seed, "dropout", epoch))
        self._dropout = self._dropout_state()
        self.examples = feed.epoch(seed, epoch)
        self.batches = -(-len(self.examples) // batch_size)
        if looks > self.batches:
            raise CtrbenchError(
                f"{feed.prepared.manifest.name}: training.looks is {looks}, but an epoch has {self.batches} batches; "
                "lower it, or training.batch_size"
            )

    def first_batch(self, part: int) -> int:
        """How many of the epoch's batches come before a part (from 1)."""
        return self.batches * (part - 1) // self.looks

    def part(self, part: int) -> Examples:
        """The examples of a part (from 1)."""
        begin, end = (self.first_batch(number) * self.batch_size for number in (part, part + 1))
        return self.examples[begin:end]

    @contextmanager
    def dropout(self) -> Iterator[None]:
        """Lets each part continue dropout's random stream where the part before ended: dropout draws from torch's
        default generator, which other code may use between two parts."""
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(self._dropout, self.device)
        else:
            torch.set_rng_state(self._dropout)
        yield
        self._dropout = self._dropout_state()

    def _dropout_state(self) -> Tensor:
        return torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else torch.get_rng_state()

    def streams(self) -> dict[str, Tensor]:
        """The states of both streams, for a checkpoint."""
        return {"augmentation": self.augmentation.get_state(), "dropout": self._dropout}

    def restore(self, streams: dict[str, Tensor]) -> None:
        """Sets both streams to the states that :meth:`streams` returned."""
        self.augmentation.set_state(streams["augmentation"].cpu())
        self._dropout = streams["dropout"].cpu()
