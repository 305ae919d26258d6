"""FuxiCTR: ``evaluate_metrics`` with gAUC, which returns the groups' mean, weighted by their rows, and no more.

It hands the groups to a pool of processes, whose CPU seconds count. Polars gets one thread.
"""

import os

os.environ["POLARS_MAX_THREADS"] = "1"
import lap
import numpy as np
from fuxictr.metrics import evaluate_metrics


def auc_by_group(columns: lap.Columns, groups: int) -> np.ndarray:
    """``(1,)``: the weighted mean."""
    measured = evaluate_metrics(columns["label"], columns["score"], ["gAUC"], columns["group"])
    return np.array([measured["gAUC"]])


if __name__ == "__main__":
    lap.run_grouped("fuxictr", auc_by_group)
