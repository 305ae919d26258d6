"""Metrics: one file each, pure functions over numpy arrays in float64.

A metric is found by its name in :data:`METRICS`; :func:`ctrbench.metrics.measure.measure` computes them for all groups.
"""

from typing import TYPE_CHECKING

from ctrbench.registry import Registry

if TYPE_CHECKING:
    from ctrbench.metrics.base import Metric

METRICS: "Registry[type[Metric]]" = Registry(
    "metric",
    {
        "auc": "ctrbench.metrics.auc:AUC",
        "real_auc": "ctrbench.metrics.real_auc:RealAUC",
        "converted_auc": "ctrbench.metrics.converted_auc:ConvertedAUC",
        "logloss": "ctrbench.metrics.logloss:Logloss",
        "ne": "ctrbench.metrics.ne:NormalizedEntropy",
        "expected_ne": "ctrbench.metrics.expected_ne:ExpectedNormalizedEntropy",
        "calibration": "ctrbench.metrics.calibration:Calibration",
        "gauc": "ctrbench.metrics.gauc:GroupAUC",
        "ne_shared": "ctrbench.metrics.ne_shared:SharedNormalizedEntropy",
    },
    base="ctrbench.metrics.base:Metric",
)
