"""Predicted probabilities of stored rows."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from ctrbench.backbones.base import Backbone
from ctrbench.data.batch import Batch
from ctrbench.data.examples import Examples, Feed
from ctrbench.data.schema import Split

ROWS_AT_ONCE = 8192
POSITIONS_AT_ONCE = 64 * ROWS_AT_ONCE
"""Most history positions of one batch, so that long histories cannot exhaust the memory."""


def evaluation_batches(feed: Feed, examples: Examples) -> Iterator[Batch]:
    """Batches as large as the memory is likely to allow."""
    return feed.batches(examples, ROWS_AT_ONCE, positions=POSITIONS_AT_ONCE)


@torch.no_grad()
def predict(backbone: Backbone, feed: Feed, split: Split) -> NDArray[np.float64]:
    """Probabilities (R, T) of a split's rows in their stored order, for the trained tasks."""
    examples = feed.split(split)
    # One tensor for all rows: thousands of small ones, kept in a list, would leave the heap in fragments.
    predicted = torch.empty(len(examples), backbone.tasks, dtype=torch.float64, device=feed.device)
    backbone.eval()
    begin = 0
    for batch in evaluation_batches(feed, examples):
        end = begin + len(batch.labels)
        predicted[begin:end] = backbone(batch)
        begin = end
    backbone.train()
    return predicted.sigmoid_().cpu().numpy()
