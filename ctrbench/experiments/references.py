"""The reference rows beside the models: item popularity and random scores; on simulated data the oracle too."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Manifest, Split
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.measure import columns_of, data_facts
from ctrbench.experiments.record import Reference, ReferenceRecord
from ctrbench.metrics.groups import measure


def measure_references(manifests: Mapping[str, Manifest], label: str, *, ledger: Ledger, data: Path) -> None:
    """Files the reference rows of each dataset that has none for its present data.

    Raises:
        CtrbenchError: the prepared data or the results folder cannot be read or written.
    """
    for name, manifest in manifests.items():
        if not ledger.references(name, manifest.fingerprint, label):
            ledger.write_references(reference_records(name, label, data=data))


def reference_records(dataset: str, label: str, *, data: Path) -> list[ReferenceRecord]:
    """One record per reference, on the test split; the oracle knows the true probabilities."""
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
