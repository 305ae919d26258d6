"""AUC and its difference to the base as rows of a frame: the cells of the tables, for drawing."""

import pandas as pd

from ctrbench.errors import CtrbenchError
from ctrbench.report.comparison import cells
from ctrbench.report.figures.base import Material

COLUMNS = [
    *("dataset", "backbone", "variant", "method", "group", "seeds", "auc", "auc_low", "auc_high"),
    *("gain", "gain_low", "gain_high", "p"),
]
"""``gain`` is AUC minus the base's, paired by seed; lows and highs are 95 % t-intervals."""


def gains(material: Material, by: str) -> pd.DataFrame:
    """One row per group of the column ``by``, method, variant, backbone and dataset, with :data:`COLUMNS`.

    Raises:
        CtrbenchError: no run of a method beside the base, or as :func:`ctrbench.report.comparison.cells`.
    """
    spec = material.spec
    if all(entry.cell.method == spec.base for entry in material.entries):
        raise CtrbenchError(f"{spec.name}: no finished run of a method beside {spec.base}: ctrbench run {spec.name}")
    rows = []
    for cell in cells(spec, material.entries, [], by):
        if cell.metric != "auc":
            continue
        gain = cell.difference
        spread = cell.interval or (None, None)
        change = (gain and gain.interval) or (None, None)
        place = (cell.dataset, cell.backbone, cell.variant, cell.method, cell.group, cell.seeds)
        rows.append((*place, cell.mean, *spread, gain.delta if gain else None, *change, cell.p))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.astype(dict.fromkeys(COLUMNS[6:], float))
