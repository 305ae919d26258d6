"""What all metrics of one task read: labels and scores, and what is computed from them once for all metrics.

Shape: n rows, G groups.
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.ranking import Ranking, refuse_nan
from ctrbench.metrics.row_loss import label_probability


@dataclass(frozen=True, eq=False)
class Totals:
    """Sums over the rows of each group, all ``(G,)``."""

    rows: NDArray[np.int64]
    positives: NDArray[np.int64]
    loss: NDArray[np.float64]
    """Cross-entropy in nats; empty for scores that are not probabilities, like :attr:`predicted`."""
    predicted: NDArray[np.float64]
    """Probability."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Labels and scores of the measured rows; do not write to its arrays.

    Raises:
        ValueError: arrays of different lengths, a label other than 0 and 1, a score that is NaN, or a true probability
            outside [0, 1]. Reading :attr:`loss` or :attr:`label_probability`: scores that are not probabilities.
    """

    label: NDArray[np.bool_]
    """``(n,)``; any array of 0 and 1 may be passed."""
    score: NDArray[np.float64]
    """``(n,)``: a higher score ranks higher."""
    user: NDArray[np.integer] | None = None
    """``(n,)``: an integer per user; None where users are unknown."""
    probabilities: bool = True
    """Whether the scores are probabilities of label 1; otherwise they only rank the rows."""
    truth: NDArray[np.float64] | None = None
    """``(n,)``: true probability of label 1; None where it is unknown."""
    real: NDArray[np.float64] | None = None
    """``(n,)``: true probability of a label 1 that no accidental click brought about; None where it is unknown."""
    converted: NDArray[np.bool_] | None = None
    """``(n,)``: whether a conversion followed, for the clicks of a run that predicts both; None for all else."""
    _summed: list[tuple[NDArray[np.integer], int, Totals]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        label, score = np.asarray(self.label), np.asarray(self.score, dtype=np.float64)
        known = {"true probabilities": self.truth, "true probabilities of real clicks": self.real}
        others = {"scores": score, "user codes": self.user, "conversions": self.converted}
        for name, values in {**others, **known}.items():
            if values is not None and len(values) != len(label):
                raise ValueError(f"{len(values)} {name} for {len(label)} labels")
        for probability in known.values():
            if probability is not None and not ((probability >= 0) & (probability <= 1)).all():
                raise ValueError("a true probability is not within [0, 1]")
        if label.dtype != np.bool_ and not ((label == 0) | (label == 1)).all():
            raise ValueError(f"a label is {label[(label != 0) & (label != 1)][0]}, not 0 or 1")
        refuse_nan(score)
        object.__setattr__(self, "label", label.astype(bool, copy=False))
        object.__setattr__(self, "score", score)

    @cached_property
    def ranking(self) -> Ranking:
        """Rows in ascending order of score."""
        return Ranking.of(self.score)

    @cached_property
    def user_ranking(self) -> Ranking:
        """Rows user by user, each user's in ascending order of score.

        Raises:
            ValueError: users are unknown.
        """
        if self.user is None:
            raise ValueError("the sample has no user codes")
        return self.ranking.within(self.user)

    @cached_property
    def base_rate(self) -> float:
        """Share of positives among all rows; 0 without rows."""
        return float(self.label.mean()) if len(self.label) else 0.0

    @property
    def label_probability(self) -> NDArray[np.float64]:
        """``(n,)``: clipped probability of the label that the row has."""
        return self._clipping[0]

    @property
    def clipped(self) -> int:
        """Rows whose probability was clipped; 0 for scores that are not probabilities."""
        return int(np.count_nonzero(self._clipping[1])) if self.probabilities else 0

    @cached_property
    def loss(self) -> NDArray[np.float64]:
        """``(n,)``: cross-entropy of each row in nats."""
        return -np.log(self.label_probability)

    @cached_property
    def _clipping(self) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        if not self.probabilities:
            raise ValueError("the sample's scores are not probabilities")
        return label_probability(self.label, self.score)

    def totals(self, codes: NDArray[np.integer], groups: int) -> Totals:
        """Sums by group; ``codes`` ``(n,)`` in [-1, G), -1 outside every group.

        The last result for read-only codes is kept, so that all metrics of a column share it.
        """
        for summed_codes, summed_groups, totals in self._summed:
            if summed_codes is codes and summed_groups == groups:
                return totals
        totals = self._totals(codes, groups)
        if not codes.flags.writeable:
            self._summed[:] = [(codes, groups, totals)]
        return totals

    def _totals(self, codes: NDArray[np.integer], groups: int) -> Totals:
        slots = codes.astype(np.intp) + 1  # slot 0 takes the rows outside every group

        def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.bincount(slots, values, groups + 1)[1:].astype(np.float64)

        return Totals(
            rows=np.bincount(slots, minlength=groups + 1)[1:],
            positives=np.bincount(slots[self.label], minlength=groups + 1)[1:],
            loss=sums(self.loss) if self.probabilities else np.zeros(0),
            predicted=sums(self.score) if self.probabilities else np.zeros(0),
        )
