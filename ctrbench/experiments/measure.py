"""Metrics of a run by every group that the prepared data know, and the reference rows beside the models."""

from pathlib import Path

import numpy as np
from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Manifest, Split
from ctrbench.experiments.record import DataFacts, Reference, ReferenceRecord
from ctrbench.metrics.groups import ACTIVENESS, Column, activeness_codes, click_length_bins, measure

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


def reference_records(dataset: str, label: str, *, data: Path) -> list[ReferenceRecord]:
    """Item popularity and random scores on the test split; on simulated data the oracle too: the true probabilities."""
    prepared = Prepared.read(data / dataset)
    rows = prepared.indices(Split.TEST)
    truth = prepared.rows[label][rows].numpy()
    popularity = prepared.items["popularity"][prepared.rows["item"][rows].long()]
    columns = columns_of(prepared, rows)
    scores: dict[Reference, np.ndarray] = {
        "popularity": popularity.double().numpy(),
        "random": np.random.default_rng(0).random(len(truth)),
    }
    if prepared.manifest.synthetic:
        scores["oracle"] = prepared.truth(label, Split.TEST)
    return [
        ReferenceRecord(
            dataset=dataset,
            reference=name,
            label=label,
            fingerprint=prepared.manifest.fingerprint,
            data=data_facts(prepared.manifest),
            activeness_curve=prepared.manifest.activeness_curve,
            metrics=tuple(measure(truth, score, columns, probabilities=name == "oracle")),
        )
        for name, score in scores.items()
    ]
