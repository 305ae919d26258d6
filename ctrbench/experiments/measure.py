"""What a record says of its data, and the groups by which it cuts its rows."""

from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Manifest
from ctrbench.experiments.record import DataFacts
from ctrbench.metrics.groups import ACTIVENESS, Column, activeness_codes, click_length_bins

Columns = dict[str, Column]


def columns_of(prepared: Prepared, rows: Tensor) -> Columns:
    """Group codes and names of ``activeness``, ``click_length`` and every cohort column, for rows (R,)."""
    manifest = prepared.manifest
    length = prepared.per_row("row", "length", rows)
    columns: Columns = {
        "activeness": (activeness_codes(length, manifest.activeness.cutoffs), ACTIVENESS),
        "click_length": click_length_bins(length),
    }
    for cohort in manifest.cohorts:
        columns[cohort.name] = (prepared.per_row(cohort.source, cohort.name, rows), cohort.values)
    return columns


def data_facts(manifest: Manifest) -> DataFacts:
    """What a record says of its data."""
    return DataFacts(**{name: getattr(manifest, name) for name in DataFacts.model_fields})
