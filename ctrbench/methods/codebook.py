"""A learned codebook of interests, trained online on its own gradient path.

Source: Pan et al., arXiv 2109.13921, equations 4 and 5 and algorithm 1; the balanced assignment as in SwAV (Caron et
al., arXiv 2006.09882).

Shape:
    Q (V codewords, Z); z (B, Z) unit vectors; similarities (B, V).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Codebook(nn.Module):
    """Codewords that follow the rows' z; no gradient reaches z."""

    start: Tensor

    def __init__(self, codewords: int, size: int, *, tau: float, epsilon: float, rounds: int, unit: bool) -> None:
        super().__init__()
        drawn = torch.randn(codewords, size)
        start = functional.normalize(drawn, dim=1)
        self.codewords = nn.Parameter(start.clone() if unit else drawn)
        # Follows from the seed, so no checkpoint holds it.
        self.register_buffer("start", start, persistent=False)
        self.unit = unit
        self.tau = tau
        self.epsilon = epsilon
        self.rounds = rounds

    @torch.no_grad()
    def begin_step(self) -> None:
        """Brings the codewords back to length 1 where they are to keep it, as SwAV does before every step."""
        if self.unit:
            self.codewords.copy_(self.unit_codewords())

    def unit_codewords(self) -> Tensor:
        """The codewords at length 1 (V, Z), so that products with z are cosines."""
        return functional.normalize(self.codewords, dim=1)

    def loss(self, z: Tensor) -> Tensor:
        """L_codebook (eq. 5): cross-entropy of the balanced assignment against softmax(similarity / tau3).

        ``z`` (B, Z) is detached, so only the codewords move.
        """
        similarity = z @ self.unit_codewords().t()
        assigned = sinkhorn(similarity.detach() / self.epsilon, self.rounds).argmax(1)
        return functional.cross_entropy(similarity / self.tau, assigned)

    def use(self, nearest: Tensor) -> dict[str, Tensor]:
        """How much of the codebook a batch uses, given each row's nearest codeword (B,).

        ``alive`` is the share of codewords that are nearest to some row; ``perplexity``, exp of the entropy of the
        codewords' shares of the rows, is V where all are used equally; ``turned`` is the mean over codewords of 1 - the
        cosine to where they started.
        """
        counts = torch.bincount(nearest, minlength=len(self.codewords))
        share = counts / len(nearest)
        return {
            "alive": (counts > 0).float().mean(),
            "perplexity": torch.special.entr(share).sum().exp(),
            "turned": 1 - (self.unit_codewords().detach() * self.start).sum(1).mean(),
        }


def sinkhorn(scores: Tensor, rounds: int) -> Tensor:
    """The assignment A of eq. 4 by Sinkhorn-Knopp: (B, V) scores / epsilon -> (B, V).

    Columns (codewords) are scaled to sum to 1/V and rows to 1/B in turn; rows are exact at the end. Scores
    may differ by 80 at most within a row, or their exponentials are lost.
    """
    rows, codewords = scores.shape
    largest = scores.amax(1)
    kernel = torch.exp(scores - largest.unsqueeze(1))
    of_row = torch.exp(largest - largest.max())
    for _ in range(rounds):
        of_codeword = 1 / (codewords * (of_row @ kernel))
        of_row = 1 / (rows * (kernel @ of_codeword))
    return kernel * of_codeword * of_row.unsqueeze(1)
