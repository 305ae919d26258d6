"""Records made by hand: any AUC for any dataset, method, seed and group."""

from collections.abc import Callable, Iterable, Mapping

import pytest

from ctrbench.data.schema import Activeness, Negatives, SplitCounts
from ctrbench.data.settings import DataSettings
from ctrbench.experiments.cell import Cell
from ctrbench.experiments.config import ALGORITHM_VERSION, RunConfig
from ctrbench.experiments.record import DataFacts, Environment, ReferenceRecord, RunRecord, Timings
from ctrbench.experiments.tables import Entry, TableSpec
from ctrbench.metrics.groups import GroupFigures
from ctrbench.training.settings import TrainingSettings

GROUPS = {
    ("overall", "overall"): (44_726, 22_363, 0.0),
    ("activeness", "non-active"): (27_500, 13_750, -0.02),
    ("activeness", "slightly-active"): (12_826, 6_413, 0.01),
    ("activeness", "highly-active"): (4_400, 2_200, 0.10),
    ("brand size", "small"): (20_000, 10_000, 0.0),
    ("brand size", "large"): (24_000, 12_000, 0.03),
}
"""(column, group) -> rows, positives, AUC above the overall one."""

BEAUTY = {
    "plain": [0.7012, 0.6987, 0.7034, 0.6995, 0.7021],
    "icl": [0.7010, 0.6991, 0.7030, 0.7003, 0.7017],
    "aqcl": [0.7091, 0.7079, 0.7110, 0.7088, 0.7102],
}
"""Overall AUC by method and seed."""

SPEC = TableSpec(
    name="aqcl-beauty",
    title="Activeness groups on Amazon Beauty",
    paper="Pan et al., Click-Through Rate Prediction with Auto-Quantized Contrastive Learning, table 2",
    published="aqcl_table2",
    search_trials=20,
)


def group_metrics(auc: float | None, *, probabilities: bool = True) -> tuple[GroupFigures, ...]:
    """All groups, with an NE that falls as the AUC rises."""
    return tuple(
        GroupFigures(
            column=column,
            group=group,
            rows=rows,
            positives=positives,
            auc=None if auc is None else auc + above,
            logloss=0.69 * (1.5 - auc - above) if auc is not None and probabilities else None,
            ne=1.5 - auc - above if auc is not None and probabilities else None,
            calibration=1.02 if probabilities else None,
            clipped=0,
        )
        for (column, group), (rows, positives, above) in GROUPS.items()
    )


def data_facts(*, synthetic: bool = False) -> DataFacts:
    return DataFacts(
        title="Amazon Beauty, 5-core",
        users=22_363,
        items=12_101,
        interactions=198_502,
        splits={"test": SplitCounts(rows=44_726, positives=22_363)},
        split_rule="Per user in time order: the last interaction is test, the one before validation, the rest train",
        negatives=Negatives(source="sampled", exponent=0.0, per_positive=1),
        activeness=Activeness(cutoffs=(6, 12), shares=(0.615, 0.287, 0.098)),
        mean_click_length=8.0,
        synthetic=synthetic,
    )


ENVIRONMENT = Environment(
    versions={"python": "3.11.9", "ctrbench": "0.1.0", "torch": "2.13.0", "numpy": "2.3.1"},
    machine="Some Processor, Linux",
    cores=2,
    threads=1,
    device="cpu",
    git_commit="0123456789abcdef",
)

Change = Callable[[RunRecord], RunRecord]


def run_record(auc: float | None, *, method: str = "plain", seed: int = 0, dataset: str = "amazon-beauty",
               backbone: str = "din", synthetic: bool = False, fingerprint: str = "f" * 64) -> RunRecord:  # fmt: skip
    config = RunConfig(
        dataset=dataset,
        backbone=backbone,
        method=method,
        seed=seed,
        data=DataSettings(),
        training=TrainingSettings(penalty={"plain": 0.01, "icl": 0.01, "aqcl": 0.02}.get(method, 0.0)),
        backbone_settings={"embedding_size": 32, "hidden": [128, 64], "dropout": 0.2},
        method_settings={} if method == "plain" else {"weight": 0.05, "tau": 0.1},
    )
    return RunRecord(
        identity=config.identity(fingerprint),
        config=config,
        fingerprint=fingerprint,
        algorithm_version=ALGORITHM_VERSION,
        data=data_facts(synthetic=synthetic),
        environment=ENVIRONMENT,
        epochs=(),
        best_epoch=1,
        metrics=group_metrics(auc),
        timings=Timings(
            training_seconds=10,
            training_cpu_seconds=10,
            rows_per_second=26_000,
            evaluation_seconds=1,
            peak_memory_mb=500,
        ),
    )


def run_records(aucs: Mapping[str, list[float]], **place: object) -> list[RunRecord]:
    """One record per method and seed."""
    return [
        run_record(auc, method=method, seed=seed, **place)  # type: ignore[arg-type]
        for method, values in aucs.items()
        for seed, auc in enumerate(values)
    ]


def entries(records: Iterable[RunRecord], variant: str = "") -> list[Entry]:
    """The records in the rows that their configurations name."""
    return [Entry(Cell(r.config.dataset, r.config.backbone, r.config.method, variant), r) for r in records]


def reference_records(dataset: str = "amazon-beauty", fingerprint: str = "f" * 64) -> list[ReferenceRecord]:
    return [
        ReferenceRecord(
            dataset=dataset,
            reference=reference,
            label="click",
            fingerprint=fingerprint,
            data=data_facts(),
            activeness_curve=tuple(range(101)),
            metrics=group_metrics(auc, probabilities=reference == "oracle"),
        )
        for reference, auc in (("random", 0.4993), ("popularity", 0.5121), ("oracle", 0.8105))
    ]


@pytest.fixture
def beauty() -> list[RunRecord]:
    return run_records(BEAUTY)
