"""torcheval: ``binary_auroc`` of each group in turn, on rows that are sorted by group once."""

import lap
import numpy as np
import torch
from torcheval.metrics.functional import binary_auroc


def auc_by_group(columns: lap.Columns, groups: int) -> np.ndarray:
    """``(G,)``."""
    label, score, begin = lap.sorted_groups(columns, groups)
    # Labels as float64: the library adds them up in their own type, and float32 is too coarse for large groups.
    labels, scores, values = torch.from_numpy(label).double(), torch.from_numpy(score), np.full(groups, np.nan)
    for group, part in lap.mixed_groups(label, begin):
        values[group] = binary_auroc(scores[part], labels[part])
    return values


if __name__ == "__main__":
    lap.run_grouped("torcheval", auc_by_group)
