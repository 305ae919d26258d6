"""Representations h of some test rows, stored beside a run's record: AQCL, figure 6.

Shape:
    R rows, H size of h.
"""

import pyarrow as pa
import torch

from ctrbench.backbones.base import Backbone
from ctrbench.data.examples import Feed
from ctrbench.data.schema import Split
from ctrbench.methods.base import Method
from ctrbench.training.predict import evaluation_batches


@torch.no_grad()
def representations(backbone: Backbone, method: Method, feed: Feed, count: int) -> pa.Table:
    """``row`` (position in rows.parquet), ``click_length``, ``codeword`` (null without a codebook), ``h`` (H float32).

    Args:
        backbone: holds the weights that the record's metrics were measured with.
        method: holds the weights of the same epoch.
        feed: a feed whose test rows are unlocked.
        count: number of test rows, evenly spread; a split with fewer rows gives all of them.
    """
    examples = feed.split(Split.TEST).spread(count)
    backbone.eval()
    method.eval()
    batches = list(evaluation_batches(feed, examples))
    h = torch.cat([backbone.interact(backbone.embed(batch)) for batch in batches])
    codewords = method.codewords_of(h)
    backbone.train()
    method.train()
    values = pa.array(h.cpu().numpy().reshape(-1))
    return pa.table(
        {
            "row": examples.rows.cpu().numpy(),
            "click_length": torch.cat([batch.click_length for batch in batches]).int().cpu().numpy(),
            "codeword": pa.array([None] * len(h) if codewords is None else codewords.tolist(), pa.int32()),
            "h": pa.FixedSizeListArray.from_arrays(values, h.shape[1]),
        }
    )
