"""From records to cells: means over seeds, differences to the base, verdicts.

Source: the protocol's sections on seeds, significance and verdicts; RelaImpr as in AQCL eq. 9.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctrbench.errors import CtrbenchError
from ctrbench.experiments.record import DataFacts, Reference, ReferenceRecord, RunRecord
from ctrbench.experiments.tables import Entry, TableSpec
from ctrbench.metrics.groups import OVERALL, GroupFigures
from ctrbench.metrics.relaimpr import relaimpr_by_seed
from ctrbench.metrics.significance import PairedDifference, holm, mean_interval, paired_difference, standard_deviation
from ctrbench.places import card_name
from ctrbench.registry import unknown
from ctrbench.report.cells import NO_BACKBONE, Cell
from ctrbench.report.published import METRICS, STANDS_FOR, Metric, read_published
from ctrbench.report.verdicts import CLOSE_AUC, agreement, direction_verdict, value_verdict

REFERENCES: dict[Reference, str] = {"popularity": "item popularity", "random": "random", "oracle": "oracle"}
"""Method of a reference row, in the order of the table."""

BySeed = Mapping[int, GroupFigures]


def cells(
    spec: TableSpec, entries: Sequence[Entry], references: Sequence[ReferenceRecord], by: str = "activeness"
) -> list[Cell]:
    """All cells: by dataset, backbone, variant, method (the base first), group (``overall`` first) and metric.

    Reference rows follow a dataset's models. Only references on the very data of the runs are taken.

    Args:
        spec: The table.
        entries: Finished runs, in the order in which the table shows them.
        references: Of the same datasets; others are passed over.
        by: The column that cuts the rows: ``activeness``, a cohort column, or ``overall`` for no cut.

    Raises:
        CtrbenchError: no record; no record knows the column; two records for one place of the table.
    """
    _check(spec, entries, by)
    found: list[Cell] = []
    for dataset in dict.fromkeys(entry.cell.dataset for entry in entries):
        own = [entry for entry in entries if entry.cell.dataset == dataset]
        for place in dict.fromkeys((entry.cell.backbone, entry.cell.variant) for entry in own):
            block = [entry.record for entry in own if (entry.cell.backbone, entry.cell.variant) == place]
            found += _block(spec, block, place[1], by)
        fingerprints = {entry.record.fingerprint for entry in own}
        matching = [r for r in references if r.label == spec.label and r.fingerprint in fingerprints]
        found += _references(spec, dataset, matching, by)
    return found


def why_not_comparable(spec: TableSpec, dataset: str, data: DataFacts) -> str | None:
    """Why what is found on a dataset does not answer to published values; None where it does."""
    if dataset in spec.not_comparable:
        return spec.not_comparable[dataset]
    if data.synthetic:
        private = STANDS_FOR.get(card_name(dataset))
        return "simulated data" + (f" in place of the private {private}" if private else "")
    return None


def _check(spec: TableSpec, entries: Sequence[Entry], by: str) -> None:
    if not entries:
        raise CtrbenchError(f"{spec.name}: no finished run yet; start with ctrbench run {spec.name}")
    known = {metrics.column for entry in entries for metrics in entry.record.metrics}
    if by not in known:
        raise unknown("column", by, known)
    prints: dict[str, str] = {}
    places = set()
    for entry in entries:
        record, config = entry.record, entry.record.config
        if prints.setdefault(config.dataset, record.fingerprint) != record.fingerprint:
            raise CtrbenchError(
                f"{spec.name}: runs on two versions of {config.dataset} ({prints[config.dataset][:12]} and "
                f"{record.fingerprint[:12]}) cannot stand in one table; run the older ones again"
            )
        place = entry.cell, config.seed
        if place in places:
            raise CtrbenchError(
                f"{spec.name}: two runs of {entry.cell} with seed {config.seed}, where a table holds one; "
                "name a recipe that runs one of them"
            )
        places.add(place)


def _block(spec: TableSpec, records: Sequence[RunRecord], variant: str, by: str) -> list[Cell]:
    """Cells of one dataset, backbone and variant."""
    methods = sorted(dict.fromkeys(r.config.method for r in records), key=lambda method: method != spec.base)
    groups = dict.fromkeys(m.group for m in _shown(records[0].metrics, by))
    found: dict[tuple[str, str, Metric], Cell] = {}
    for group in groups:
        figures: dict[str, dict[int, GroupFigures]] = {method: {} for method in methods}
        for record in sorted(records, key=lambda record: record.config.seed):
            for metrics in _shown(record.metrics, by):
                if metrics.group == group:
                    figures[record.config.method][record.config.seed] = metrics
        for metric in METRICS:
            family = _Family(spec, records[0], variant, group, metric, figures)
            found |= {(cell.method, group, metric): cell for cell in family.cells()}
    return [found[method, group, metric] for method in methods for group in groups for metric in METRICS]


def _shown(metrics: Iterable[GroupFigures], by: str) -> list[GroupFigures]:
    return [m for m in metrics if m.column in (OVERALL, by)]


@dataclass(frozen=True)
class _Family:
    """One metric in one group of one dataset, backbone and variant, for every method: a family of Holm's correction."""

    spec: TableSpec
    example: RunRecord
    """Any record of the dataset and backbone."""
    variant: str
    group: str
    metric: Metric
    figures: Mapping[str, BySeed]

    def cells(self) -> list[Cell]:
        differences = {method: self._difference(method) for method in self.figures}
        p_values = holm([difference.p if difference else None for difference in differences.values()])
        return [
            self._cell(method, difference, p)
            for (method, difference), p in zip(differences.items(), p_values, strict=True)
        ]

    def _cell(self, method: str, difference: PairedDifference | None, p: float | None) -> Cell:
        sample = self._sample(method)
        mean = float(sample.mean()) if len(sample) else None
        # The base's RelaImpr is 0 by definition: it has no spread, and nothing to answer to.
        spread = np.array([]) if self.metric == "relaimpr" and method == self.spec.base else sample
        interval = mean_interval(spread)
        published, published_delta = self._published(method)
        answers = why_not_comparable(self.spec, self.example.config.dataset, self.example.data) is None
        direction = direction_verdict(difference.delta if difference else None, p, lower_is_better=self.metric == "ne")
        return Cell(
            recipe=self.spec.name,
            dataset=self.example.config.dataset,
            backbone=self.example.config.backbone,
            method=method,
            variant=self.variant,
            group=self.group,
            metric=self.metric,
            seeds=len(sample),
            mean=mean,
            std=standard_deviation(spread),
            interval=interval,
            difference=difference,
            p=p,
            published=published,
            published_delta=published_delta,
            value_verdict=value_verdict(
                mean, interval, published, close=CLOSE_AUC if self.metric == "auc" else 0, comparable=answers
            ),
            direction=direction,
            agreement=agreement(direction, published_delta) if answers else None,
        )

    def _sample(self, method: str) -> NDArray[np.float64]:
        """One value per seed, whose mean is the cell's."""
        if self.metric != "relaimpr":
            return _values(self.figures[method], self.metric)
        values = relaimpr_by_seed(*self._pairs(method, "auc"))
        return np.array([]) if values is None else values

    def _difference(self, method: str) -> PairedDifference | None:
        """To the base; None for the base itself and where no seed is common."""
        pairs = self._pairs(method, "auc" if self.metric == "relaimpr" else self.metric)
        if method == self.spec.base or not len(pairs[0]):
            return None
        difference = paired_difference(*pairs)
        if self.metric != "relaimpr":
            return difference
        sample = self._sample(method)
        # RelaImpr is AUC's difference on another scale: the same test decides whether it is 0.
        return PairedDifference(float(sample.mean()), mean_interval(sample), difference.p) if len(sample) else None

    def _pairs(self, method: str, metric: Metric) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Values of the method and of the base on the seeds that both have."""
        own, base = self.figures[method], self.figures.get(self.spec.base, {})
        common = [seed for seed in own if seed in base]
        return _values({s: own[s] for s in common}, metric), _values({s: base[s] for s in common}, metric)

    def _published(self, method: str) -> tuple[float | None, float | None]:
        """The paper's value, and its difference to the paper's base."""
        table, config = read_published(self.spec.published), self.example.config
        value, base = (
            table.value(config.dataset, config.backbone, name, self.group, self.metric)
            for name in (method, self.spec.base)
        )
        return value, None if method == self.spec.base or value is None or base is None else value - base


def _values(by_seed: BySeed, metric: Metric) -> NDArray[np.float64]:
    """The defined values of AUC or NE, in the order of seeds. A group is defined for every seed or for none."""
    values = (_value(metrics, metric) for metrics in by_seed.values())
    return np.array([value for value in values if value is not None], dtype=np.float64)


def _value(metrics: GroupFigures, metric: Metric) -> float | None:
    return metrics.auc if metric == "auc" else metrics.ne


def _references(spec: TableSpec, dataset: str, references: Sequence[ReferenceRecord], by: str) -> list[Cell]:
    """AUC of every reference, and NE where it is a probability."""
    return [
        Cell(spec.name, dataset, NO_BACKBONE, title, metrics.group, metric, 0, _value(metrics, metric))
        for kind, title in REFERENCES.items()
        for reference in references
        if reference.reference == kind
        for metrics in _shown(reference.metrics, by)
        for metric in METRICS
        if metric == "auc" or (metric == "ne" and metrics.logloss is not None)
    ]
