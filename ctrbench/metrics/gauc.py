"""Group AUC (gAUC): AUC among the rows of one user, averaged over users weighted by their impressions.

    gAUC = sum over u of n_u AUC_u / sum over u of n_u

where u runs over the users with rows of both classes and n_u is the number of a user's rows. Users with one class
have no AUC and are left out of both sums. Within a group of rows, AUC_u and n_u are those of the user's rows in the
group, so a user whose rows lie in several groups counts in each of them.

Source: Zhu et al., Optimized Cost per Click in Taobao Display Advertising, KDD 2017; Zhou et al., Deep Interest Network
for Click-Through Rate Prediction, KDD 2018 (weighted by impressions, as here).

Shape: n rows, G groups, P pairs of a group and a user in it.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ctrbench.metrics.base import Direction, Metric, ratios
from ctrbench.metrics.ranking import changes, pairs_won, smallest, stable_order
from ctrbench.metrics.sample import Sample


class GroupAUC(Metric):
    """AUC within users, weighted by impressions; users with one class are left out."""

    name: ClassVar[str] = "gauc"
    label: ClassVar[str] = "gAUC"
    direction: ClassVar[Direction] = "higher"
    needs_probabilities: ClassVar[bool] = False
    high: ClassVar[float] = 1.0
    reading: ClassVar[str] = (
        "gAUC is the AUC among the rows of one user, averaged over users weighted by their numbers of rows, users "
        "with one class left out; higher is better and 0.5 is chance."
    )

    @classmethod
    def by_group(cls, sample: Sample, codes: NDArray[np.integer], groups: int) -> list[float | None]:
        """The metric of each group; None where no user of a group has both classes, or users are unknown."""
        if sample.user is None or not len(sample.label):
            return [None] * groups
        ranking = sample.user_ranking
        group = smallest(codes, groups)[ranking.order]
        by_group = stable_order(group)[np.count_nonzero(group == -1) :]
        group, tie, rows = group[by_group], ranking.tie[by_group], ranking.order[by_group]
        positive = sample.label[rows]
        first = changes(group) | changes(sample.user[rows])
        del rows, by_group  # of a large log, the largest arrays here
        pair_group = group[first]
        wins, pairs = pairs_won(np.cumsum(first, dtype=np.int32) - 1, tie, positive, len(pair_group))
        impressions = np.diff(np.append(np.flatnonzero(first), len(group)))
        both = pairs > 0
        weight = impressions[both]
        weighted = np.bincount(pair_group[both], weight * (wins[both] / pairs[both]), groups)
        return ratios(weighted, np.bincount(pair_group[both], weight, groups))
