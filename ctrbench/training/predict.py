"""Predicted probabilities of stored rows."""

import numpy as np
import torch

from ctrbench.backbones.base import Backbone
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split

ROWS_AT_ONCE = 8192


@torch.no_grad()
def predict(backbone: Backbone, feed: Feed, split: Split) -> np.ndarray:
    """Probabilities (R,) float64 of a split's rows in their stored order."""
    backbone.eval()
    logits = [backbone(batch) for batch in feed.batches(feed.split(split), ROWS_AT_ONCE)]
    backbone.train()
    return torch.sigmoid(torch.cat(logits)[:, 0].double()).cpu().numpy()
