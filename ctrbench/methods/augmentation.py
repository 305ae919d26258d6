"""The second view of a row (AQCL section 4.1): clicks masked at random, then random bits of the embeddings zeroed."""

import torch

from ctrbench.backbones.base import Embedded
from ctrbench.backbones.masks import kept


def augment(embedded: Embedded, mask_rate: float, zero_rate: float, generator: torch.Generator) -> Embedded:
    """Masks each history position with probability ``mask_rate``, then zeroes each remaining bit with ``zero_rate``.

    A masked position holds the zero vector: it adds nothing to attention's weighted sum or to the sum of a mean, but a
    mean still counts it. The bits that stay are not scaled up: the paper speaks of zeroing only.
    """
    seen = kept(embedded.history[:, :1, :1], mask_rate, generator)
    fields = embedded.fields * kept(embedded.fields, zero_rate, generator)
    history = embedded.history * (seen * kept(embedded.history, zero_rate, generator))
    return embedded.with_vectors(fields, history)
