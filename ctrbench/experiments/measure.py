"""Metrics of a run by every group that the prepared data know, and the reference rows beside the models."""

from pathlib import Path

import numpy as np

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Manifest, Split
from ctrbench.experiments.record import DataFacts, Reference, ReferenceRecord
from ctrbench.metrics.groups import ACTIVENESS, GroupFigures, activeness_codes, measure

Columns = dict[str, tuple[np.ndarray, tuple[str, ...]]]


def columns_of(prepared: Prepared, split: Split) -> Columns:
    """Group codes (R,) and names of ``activeness`` and of every cohort column."""
    manifest = prepared.manifest
    length = prepared.per_row("row", "length", split)
    columns: Columns = {"activeness": (activeness_codes(length, manifest.activeness.cutoffs), ACTIVENESS)}
    for cohort in manifest.cohorts:
        columns[cohort.name] = (prepared.per_row(cohort.source, cohort.name, split), cohort.values)
    return columns


def measured_groups(
    prepared: Prepared, split: Split, label: np.ndarray, score: np.ndarray, *, probabilities: bool = True
) -> list[GroupFigures]:
    """Metrics (label (R,), score (R,)) overall, by activeness and by every cohort column."""
    return measure(label, score, columns_of(prepared, split), probabilities=probabilities)


def data_facts(manifest: Manifest) -> DataFacts:
    """What a record says of its data."""
    return DataFacts(**{name: getattr(manifest, name) for name in DataFacts.model_fields})


def reference_records(dataset: str, label: str, *, data: Path) -> list[ReferenceRecord]:
    """Item popularity and random scores on the test split; on simulated data the oracle too: the true probabilities."""
    prepared = Prepared.read(data / dataset)
    truth = prepared.rows[label][prepared.indices(Split.TEST)].numpy()
    popularity = prepared.items["popularity"][prepared.rows["item"][prepared.indices(Split.TEST)].long()]
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
            metrics=tuple(measured_groups(prepared, Split.TEST, truth, score, probabilities=name == "oracle")),
        )
        for name, score in scores.items()
    ]
