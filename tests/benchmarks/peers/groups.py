"""AUC by group of a million rows: the rows, our engine on them, and whether all libraries agree.

``python -m tests.benchmarks.peers.groups ROWS.npz VALUES.npy`` measures our engine: ``AUC.by_group``, which computes
what the others compute, the sort of the rows and the checks of labels and scores included.
"""

from pathlib import Path

import numpy as np

from ctrbench.metrics.auc import AUC
from ctrbench.metrics.sample import Sample
from tests.benchmarks.peers.rivals.lap import Columns, run_grouped

ROWS = 1_000_000
GROUPS = (3, 20_000)
TOLERANCE = 1e-6


def write(path: Path, groups: int, rows: int = ROWS) -> None:
    """Rows with groups drawn uniformly, and scores of five digits, so that there are ties."""
    generator = np.random.default_rng(0)
    score = np.round(generator.random(rows), 5)
    label = (generator.random(rows) < 0.1 + 0.5 * score).astype(np.int64)
    np.savez(path, group=generator.integers(groups, size=rows), label=label, score=score, groups=groups)


def auc_by_group(columns: Columns, groups: int) -> np.ndarray:
    """``(G,)``, NaN where a group holds one class only."""
    values = AUC.by_group(Sample(columns["label"], columns["score"]), columns["group"], groups)
    return np.array(values, np.float64)


def disagreement(path: Path, exact: np.ndarray, values: np.ndarray) -> float:
    """The largest difference to the exact values ``(G,)``, or that of the weighted means where ``values`` is ``(1,)``.

    Infinity where a value is missing on one side only.
    """
    if values.shape != exact.shape:
        with np.load(path) as file:
            weight = np.bincount(file["group"], minlength=len(exact))
        defined = ~np.isnan(exact)
        exact = np.average(exact[defined], weights=weight[defined], keepdims=True)
    if (np.isnan(exact) != np.isnan(values)).any():
        return np.inf
    return float(np.nanmax(np.abs(exact - values)))


if __name__ == "__main__":
    run_grouped("ctrbench", auc_by_group)
