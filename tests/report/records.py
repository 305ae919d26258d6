"""Records made by hand: any AUC for any dataset, method, seed and group."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ctrbench.data.schema import Activeness, Negatives, SplitCounts
from ctrbench.recipe.recipe import Recipe
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.select import ReferenceRow, ReportData, ReportRow
from ctrbench.store.archive import Archive
from ctrbench.store.identity import JobConfig, Settings
from ctrbench.store.record import DataFacts, Environment, Groups, Record, ReferenceRecord, TaskMetrics, Timings
from ctrbench.training.history import EpochMetrics

GROUPS = {
    "overall": {"overall": (44_726, 22_363, 0.0)},
    "activeness": {
        "non-active": (27_500, 13_750, -0.02),
        "slightly-active": (12_826, 6_413, 0.01),
        "highly-active": (4_400, 2_200, 0.10),
    },
    "click_length": {"L 0": (100, 50, -0.04), "L 1 to 4": (200, 100, -0.01), "L 5 to 30": (300, 150, 0.05)},
    "brand size": {"small": (20_000, 10_000, 0.0), "large": (24_000, 12_000, 0.03)},
}
"""Column -> group -> rows, positives, AUC above the overall one."""

BEAUTY = {
    "plain": [0.7012, 0.6987, 0.7034, 0.6995, 0.7021],
    "icl": [0.7010, 0.6991, 0.7030, 0.7003, 0.7017],
    "aqcl": [0.7091, 0.7079, 0.7110, 0.7088, 0.7102],
}
"""Overall AUC by method and seed."""

PRINT = "f" * 64
SECTIONS: dict[str, Settings] = {
    "plain": {"training": {"penalty": 0.01}},
    "icl": {"training": {"penalty": 0.01}, "method": {"weight": 0.07}},
    "aqcl": {"training": {"penalty": 0.02}, "method": {"weight": 0.07}},
}

ENVIRONMENT = Environment(
    versions={"python": "3.11.9", "ctrbench": "0.1.0", "torch": "2.13.0", "numpy": "2.3.1"},
    machine="Some Processor, Linux",
    cores=2,
    threads=1,
    device="cpu",
    git_commit="0123456789abcdef",
)


def recipe(**keys: Any) -> Recipe:
    return Recipe.read(
        {
            "name": "aqcl-beauty",
            "title": "Activeness groups on Amazon Beauty",
            "paper": "Pan et al., arXiv 2109.13921, table 2",
            "published": "aqcl_table2",
            "datasets": ["amazon-beauty"],
            "backbones": ["din"],
            "methods": ["plain", "icl", "aqcl"],
        }
        | keys,
        "test",
    )


def facts(
    dataset: str = "amazon-beauty",
    *,
    synthetic: bool = False,
    fingerprint: str = PRINT,
    tasks: Iterable[str] = ("click",),
    columns: Iterable[str] = tuple(GROUPS),
    **own: Any,
) -> DataFacts:
    groups = {
        column: Groups(
            names=list(GROUPS[column]),
            rows=[n for n, _, _ in GROUPS[column].values()],
            positives=[p for _, p, _ in GROUPS[column].values()],
        )
        for column in columns
    }
    made = DataFacts(
        dataset=dataset,
        fingerprint=fingerprint,
        measuring_fingerprint=fingerprint,
        title="Amazon Beauty, 5-core",
        users=22_363,
        items=12_101,
        interactions=198_502,
        splits={"test": SplitCounts(rows=44_726, positives=22_363)},
        split_rule="Per user in time order: the last interaction is test, the one before validation, the rest train",
        negatives=Negatives(source="sampled", exponent=0.0, per_positive=1),
        activeness=Activeness(cutoffs=(4, 12), shares=(0.615, 0.287, 0.098)),
        activeness_curve=(*[0] * 20, *(place // 10 for place in range(41)), *range(5, 35), *[40] * 10),
        mean_click_length=8.0,
        synthetic=synthetic,
        groups=dict.fromkeys(tasks, groups),
    )
    return made.model_copy(update=own)


def values(
    auc: float | None, *, probabilities: bool = True, columns: Iterable[str] = tuple(GROUPS), longer: float = 0.0
) -> dict[str, dict[str, list[float | None]]]:
    """An NE that falls as the AUC rises, and a calibration of 1 + (AUC - 0.7); ``longer`` is added to the AUC of the
    shortest histories."""
    aucs: dict[str, list[float | None]] = {
        column: [
            None if auc is None else auc + above + (longer if group == "L 0" else 0.0)
            for group, (_, _, above) in GROUPS[column].items()
        ]
        for column in columns
    }
    found = {"auc": aucs}
    if probabilities:
        changes = {"ne": lambda x: 1.5 - x, "logloss": lambda x: 1.0 - x, "calibration": lambda x: 0.3 + x}
        for metric, change in changes.items():
            found[metric] = {c: [None if x is None else change(x) for x in own] for c, own in aucs.items()}
    return found


def epochs(count: int = 2, **parts: float) -> tuple[EpochMetrics, ...]:
    return tuple(
        EpochMetrics(
            epoch=number,
            loss=1.0,
            parts={name: value * number for name, value in parts.items()},
            validation={"click": {"auc": 0.7, "logloss": 0.6}},
            seconds=1.0,
            cpu_seconds=1.0,
            rows_per_second=10.0,
        )
        for number in range(1, count + 1)
    )


def record(
    auc: float | None,
    *,
    method: str = "plain",
    seed: int = 0,
    dataset: str = "amazon-beauty",
    backbone: str = "din",
    fingerprint: str = PRINT,
    settings: Settings | None = None,
    tasks: Mapping[str, TaskMetrics] | None = None,
    **own: Any,
) -> Record:
    config = JobConfig(
        dataset=dataset,
        backbone=backbone,
        method=method,
        seed=seed,
        settings=SECTIONS.get(method, {}) if settings is None else settings,
    )
    return of_config(config, auc, fingerprint=fingerprint, tasks=tasks, **own)


def of_config(
    config: JobConfig,
    auc: float | None,
    *,
    fingerprint: str = PRINT,
    tasks: Mapping[str, TaskMetrics] | None = None,
    longer: float = 0.0,
    **own: Any,
) -> Record:
    """The record of a job."""
    return Record(
        **{name: getattr(config, name) for name in JobConfig.model_fields},
        identity=config.identity(fingerprint),
        fingerprint=fingerprint,
        measuring_fingerprint=fingerprint,
        environment=ENVIRONMENT,
        best_epoch=1,
        tasks=tasks or {"click": TaskMetrics(definition="click", values=values(auc, longer=longer))},
        timings=Timings(training_seconds=10, training_cpu_seconds=10, rows_per_second=26_000, evaluation_seconds=1),
        **{"epochs": epochs()} | own,
    )


def records(aucs: Mapping[str, Sequence[float | None]], **place: Any) -> list[Record]:
    """One record per method and seed."""
    return [record(auc, method=m, seed=seed, **place) for m, own in aucs.items() for seed, auc in enumerate(own)]


def rows(made: Iterable[Record], variant: str = "", **own: Any) -> list[ReportRow]:
    """The records in the rows that their configurations name."""
    return [
        ReportRow(
            RowKey(r.dataset, r.backbone, r.method, variant),
            r,
            facts(r.dataset, fingerprint=r.fingerprint, **{"tasks": tuple(r.tasks)} | own),
        )
        for r in made
    ]


def references(
    dataset: str = "amazon-beauty", fingerprint: str = PRINT, task: str = "click", **own: Any
) -> list[ReferenceRow]:
    return [
        ReferenceRow(
            ReferenceRecord(
                dataset=dataset,
                reference=reference,
                task=task,
                fingerprint=fingerprint,
                measuring_fingerprint=fingerprint,
                probabilities=reference == "oracle",
                values=values(auc, probabilities=reference == "oracle"),
            ),
            facts(dataset, fingerprint=fingerprint, tasks=[task], **own),
        )
        for reference, auc in (("random", 0.4993), ("item_id", 0.6491), ("popularity", 0.5121), ("oracle", 0.8105))
    ]


def data(
    made: Iterable[ReportRow],
    beside: Iterable[ReferenceRow] = (),
    *,
    missing: Sequence[str] = (),
    of: Recipe | None = None,
    **own: Any,
) -> ReportData:
    made = tuple(made)
    known = {row.key.dataset: row.facts for row in made}
    return ReportData(
        of or recipe(), rows=made, references=tuple(beside), facts=tuple(known.values()), missing=tuple(missing), **own
    )


def stored(results, made: Iterable[Record], beside: Iterable[ReferenceRow] = (), **own: Any) -> Archive:
    """An archive of the records."""
    archive, made = Archive(results / "records"), list(made)
    known = {r.dataset: facts(r.dataset, fingerprint=r.fingerprint, **own) for r in made}
    known |= {row.facts.dataset: row.facts for row in beside}
    archive.add(made, known.values(), [row.record for row in beside])
    return archive
