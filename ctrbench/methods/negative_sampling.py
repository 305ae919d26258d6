"""Negative sampling, as DeepMCP and DMR use it: one observed item against sampled ones.

Source: Mikolov et al., Distributed Representations of Words and Phrases, NIPS 2013, equation 4. As in its code, a draw
that is the observed item itself does not count.

Row b takes draws b to b + K - 1 of B + K - 1: its negatives are independent of each other, and only neighbours in the
(shuffled) batch share any. So a step embeds B + K - 1 drawn items instead of B K.

Shape:
    B rows, K negatives each, Z size of the vectors that are multiplied.
"""

import torch
from torch import Tensor
from torch.nn import functional


def draws(rows: int, negatives: int) -> int:
    """Items to draw for a batch: B + K - 1."""
    return rows + negatives - 1


def negative_sampling_loss(of_row: Tensor, observed: Tensor, drawn: Tensor, hits: Tensor) -> Tensor:
    """Each row's -log s(<row, observed>) - sum_k log s(-<row, negative k>): (B,).

    Args:
        of_row: (B, Z)
        observed: (B, Z) vectors of the items that are observed with the rows.
        drawn: (B + K - 1, Z) vectors of drawn items.
        hits: (B, K) bool, whether a negative is the observed item; see :func:`hits`.
    """
    rows, count = hits.shape
    products = torch.stack([(of_row * drawn[k : k + rows]).sum(1) for k in range(count)], 1)
    of_negatives = functional.softplus(products).masked_fill(hits, 0).sum(1)
    return functional.softplus(-(of_row * observed).sum(1)) + of_negatives


def hits(observed: Tensor, drawn: Tensor) -> Tensor:
    """Whether each row's negatives are its observed item: ids (B,), (B + K - 1,) -> (B, K) bool."""
    rows = len(observed)
    return drawn.unfold(0, len(drawn) - rows + 1, 1) == observed.unsqueeze(1)


def mean_of(values: Tensor, rows: Tensor) -> Tensor:
    """The mean of values (B,) over the rows (B,) that take part; 0 if no row does."""
    part = rows.to(values.dtype)
    return (values * part).sum() / part.sum().clamp(min=1)
