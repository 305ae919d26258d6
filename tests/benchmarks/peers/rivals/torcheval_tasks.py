"""torcheval: ``binary_auroc`` of all groups in one call, each a task, shorter ones filled up with rows of weight 0.

The library offers tasks of equal length, so the caller fills them up. Time and memory grow with the longest group.
"""

import lap
import numpy as np
import torch
from torcheval.metrics.functional import binary_auroc


def auc_by_group(columns: lap.Columns, groups: int) -> np.ndarray:
    """``(G,)``."""
    label, score, begin = lap.sorted_groups(columns, groups)
    length = np.diff(begin)
    filled = np.arange(length.max()) < length[:, None]
    labels, scores = np.zeros(filled.shape), np.zeros(filled.shape)
    labels[filled], scores[filled] = label, score
    weights = torch.from_numpy(filled.astype(np.float64))
    values = binary_auroc(torch.from_numpy(scores), torch.from_numpy(labels), num_tasks=groups, weight=weights).numpy()
    positives = labels.sum(1)
    return np.where((positives > 0) & (positives < length), values, np.nan)


if __name__ == "__main__":
    lap.run_grouped("torcheval", auc_by_group)
