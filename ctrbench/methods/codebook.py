"""A learned codebook of interests, trained online on its own gradient path.

Source: Pan et al., arXiv 2109.13921, equations 4 and 5 and algorithm 1; the balanced assignment as in SwAV (Caron et
al., arXiv 2006.09882).

Shape:
    Q (T codewords, Z); z (B, Z) unit vectors; similarities (B, T).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class Codebook(nn.Module):
    """Codewords that follow the rows' z; z never feels it."""

    def __init__(self, codewords: int, size: int, *, tau: float, epsilon: float, rounds: int) -> None:
        super().__init__()
        self.codewords = nn.Parameter(torch.randn(codewords, size))
        self.tau = tau
        self.epsilon = epsilon
        self.rounds = rounds

    def similarity(self, z: Tensor) -> Tensor:
        """Cosine of every row and codeword (B, T)."""
        return z @ functional.normalize(self.codewords, dim=1).t()

    def loss(self, similarity: Tensor) -> Tensor:
        """L_codebook (eq. 5): cross-entropy of the balanced assignment against softmax(similarity / tau3).

        ``similarity`` comes from a z without gradient, so only the codewords move.
        """
        assigned = sinkhorn(similarity.detach() / self.epsilon, self.rounds).argmax(1)
        return functional.cross_entropy(similarity / self.tau, assigned)


def sinkhorn(scores: Tensor, rounds: int) -> Tensor:
    """The assignment A of eq. 4 by Sinkhorn-Knopp, in log space: (B, T) scores / epsilon -> (B, T).

    Alternately the columns (codewords) are scaled to sum to 1/T and the rows to 1/B; rows are exact at the end.
    """
    rows, codewords = scores.shape
    log_a = scores
    for _ in range(rounds):
        log_a = log_a - torch.logsumexp(log_a, 0, keepdim=True) - math.log(codewords)
        log_a = log_a - torch.logsumexp(log_a, 1, keepdim=True) - math.log(rows)
    return log_a.exp()
