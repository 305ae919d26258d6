"""torchmetrics: ``binary_auroc`` of each group in turn, on rows that are sorted by group once; checks are off.

Its ``RetrievalAUROC`` takes the groups as they are, but calls the same function for each after a search for its best
rows, which costs more.
"""

import lap
import numpy as np
import torch
from torchmetrics.functional.classification import binary_auroc


def auc_by_group(columns: lap.Columns, groups: int) -> np.ndarray:
    """``(G,)``."""
    label, score, begin = lap.sorted_groups(columns, groups)
    labels, scores, values = torch.from_numpy(label), torch.from_numpy(score), np.full(groups, np.nan)
    for group, part in lap.mixed_groups(label, begin):
        values[group] = binary_auroc(scores[part], labels[part], validate_args=False)
    return values


if __name__ == "__main__":
    lap.run_grouped("torchmetrics", auc_by_group)
