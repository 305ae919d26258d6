"""What stands under every table: how the numbers were obtained, in the records' own words."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

from ctrbench.experiments.config import RunConfig
from ctrbench.experiments.record import RunRecord
from ctrbench.experiments.tables import Entry, TableSpec
from ctrbench.metrics.groups import OVERALL, GroupFigures
from ctrbench.metrics.row_loss import CLIP
from ctrbench.report import naming
from ctrbench.report.cells import NO_BACKBONE, Cell
from ctrbench.report.comparison import why_not_comparable
from ctrbench.report.verdicts import CLOSE_AUC, SIGNIFICANT
from ctrbench.training.settings import TrainingSettings

FINGERPRINT_LENGTH = 12


class Note(NamedTuple):
    """One paragraph of the footer."""

    title: str
    text: str


def footer(spec: TableSpec, entries: Sequence[Entry], cells: Sequence[Cell], by: str) -> list[Note]:
    """The notes of a table, from its runs (at least one), its cells and the column ``by`` that cuts its rows."""
    records = list({entry.record.identity: entry.record for entry in entries}.values())
    datasets = {record.config.dataset: record for record in records}
    notes = [
        Note("Protocol", _protocol(datasets, entries)),
        Note("Negatives", naming.told_by_place(_places(entries), [_negatives(entry.record) for entry in entries])),
        Note("Groups", naming.shared((name, _groups(r, by)) for name, r in datasets.items())),
        Note("Settings", _settings(entries)),
        Note("Search", _search(spec, entries)),
        Note("Reading", _reading(spec, cells)),
        Note("Clipping", _clipping(records)),
        Note("Data", "; ".join(_data(name, record) for name, record in datasets.items())),
        Note("Software", _mixed(records, _software)),
        Note("Machine", _mixed(records, _machine)),
        Note("Cost", _cost(records)),
    ]
    if spec.refused:
        notes.insert(1, Note("Left out", naming.told(spec.refused.items())))
    reasons = {name: why_not_comparable(spec, name, record.data) for name, record in datasets.items()}
    if spec.published and any(reasons.values()):
        text = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        notes.insert(-4, Note("Not comparable", text))
    return notes


def _protocol(datasets: Mapping[str, RunRecord], entries: Sequence[Entry]) -> str:
    rule = naming.shared((name, record.data.split_rule) for name, record in datasets.items())
    stops = naming.told_by_place(_places(entries), [_stop(entry.record.config.training) for entry in entries])
    split = "The test split is read once per run, at the end."
    return f"{_sentence(rule.rstrip('.'))} {_sentence(stops)} {split} Equal seeds are paired: same batches."


def _stop(training: TrainingSettings) -> str:
    return (
        f"training stops after {_epochs(training.patience)} without a better validation {_metric(training.watch)}, "
        f"or after {training.epochs}, and keeps the best epoch's weights"
    )


def _epochs(count: int) -> str:
    return "1 epoch" if count == 1 else f"{count} epochs"


def _metric(name: str) -> str:
    return "AUC" if name == "auc" else name


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _negatives(record: RunRecord) -> str:
    negatives, data = record.data.negatives, record.config.data
    if negatives.source == "impressions":
        return "impressions without a click; none are sampled"
    drawn = "drawn anew each epoch" if data.negatives == "fresh" else "drawn once"
    return (
        f"items drawn by {negatives.distribution}; {negatives.per_positive} stored per validation and test positive, "
        f"{data.negatives_per_positive} per training positive, {drawn}"
    )


def _groups(record: RunRecord, by: str) -> str:
    rows = ", ".join(f"{m.group} {_rows(m)}" for m in record.metrics if m.column == by)
    if not rows:
        return f"no column {by}"
    if by != "activeness":
        return f"rows (positives) by {by}: {rows}"
    (low, high), shares = record.data.activeness.cutoffs, record.data.activeness.shares
    non, slightly, highly = (f"{share:.1%} of test users" for share in shares)
    return (
        f"click length L = clicks before the row; non-active L <= {low} ({non}), slightly-active L <= {high} "
        f"({slightly}), highly-active L > {high} ({highly}); rows (positives): {rows}"
    )


def _rows(metrics: GroupFigures) -> str:
    return f"{metrics.rows:,} ({metrics.positives:,})"


def _settings(entries: Sequence[Entry]) -> str:
    """Settings that all runs share, then those that a row's dataset decides, its backbone, its method, or several of
    them together: each setting once for whatever decides it."""
    places = _places(entries)
    flat = [_flat(entry.record.config) for entry in entries]
    decided: dict[tuple[int, ...], list[str]] = {}
    for path in dict.fromkeys(itertools.chain(*flat)):
        decided.setdefault(naming.deciding(places, [own.get(path) for own in flat]), []).append(path)
    told = []
    for parts, paths in sorted(decided.items(), key=lambda item: (len(item[0]), item[0])):
        texts = [_listed({path: own[path] for path in paths if path in own}) for own in flat]
        rows = zip(places, texts, strict=True)
        told.append(naming.told((naming.label(place, parts), text) for place, text in rows if text))
    return ". ".join(filter(None, told))


def _places(entries: Sequence[Entry]) -> list[naming.Place]:
    return [astuple(entry.cell) for entry in entries]


def _flat(config: RunConfig) -> dict[str, str]:
    """Path of a setting, as ``--set`` takes it -> its value."""
    sections: dict[str, dict[str, Any]] = {
        "data": config.data.model_dump(mode="json"),
        "training": config.training.model_dump(mode="json"),
        "backbone": config.backbone_settings,
        "method": config.method_settings,
    }
    return {f"{section}.{key}": _text(value) for section, own in sections.items() for key, value in own.items()}


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{path} {text}" for path, text in settings.items())


def _search(spec: TableSpec, entries: Sequence[Entry]) -> str:
    """Trials, where they were judged, and the found numbers beyond which a better one may lie."""
    if not spec.search_trials:
        return "0 trials: every method runs with the settings that the recipe fixes"
    text = (
        f"{spec.search_trials} trials for each method, dataset and backbone (fewer points: all of them), judged on "
        "rows set aside from training"
    )
    if not (searched := spec.searched):
        return text
    cells = [entry.cell for entry in entries]
    text += f"; {searched.given_up:,} of {searched.trials:,} were given up early"
    text += f", {searched.failed:,} diverged" if searched.failed else ""
    on_edge = [(edge.dataset, edge.backbone, edge.method) for edge in searched.edges]
    names = naming.labels(on_edge, [*on_edge, *((cell.dataset, cell.backbone, cell.method) for cell in cells)])
    rows: dict[str, list[str]] = {}
    for edge, name in zip(searched.edges, names, strict=True):
        rows.setdefault(f"{edge.path} {edge.value:g}", []).append(name)
    edges = "; ".join(setting + f" ({', '.join(own)})" * any(own) for setting, own in rows.items())
    return text + (f". On the edge of its space: {edges}" if edges else "")


def _reading(spec: TableSpec, cells: Sequence[Cell]) -> str:
    text = (
        f"mean ± sample standard deviation over seeds; a change is the difference to {spec.base}, paired by seed; "
        "intervals are 95 % t-intervals, not corrected; "
        "p of the paired t-test, Holm-corrected over the methods compared in one group, metric and variant; a method "
        f"improves or hurts where p < {SIGNIFICANT}; a dash is undefined (one class, one seed, a base at chance)."
    )
    if references := dict.fromkeys(cell.method for cell in cells if cell.backbone == NO_BACKBONE):
        oracle = " (the true probabilities)" if "oracle" in references else ""
        text += f" No model was trained for {', '.join(references)}{oracle}: they say what a figure is worth."
    if spec.published:
        text += (
            f" A published AUC is within if it lies in the 95 % interval of ours or nearer than {CLOSE_AUC}; otherwise "
            f"ours is higher or lower. The paper's gain is over its own {spec.base}: our direction agrees with its "
            "sign or differs."
        )
    return text


def _clipping(records: Sequence[RunRecord]) -> str:
    overall = [metrics for record in records for metrics in record.metrics if metrics.column == OVERALL]
    clipped, rows = sum(metrics.clipped for metrics in overall), sum(metrics.rows for metrics in overall)
    return f"{clipped:,} of {rows:,} predicted rows, over all runs, were clipped at {CLIP:g} for logloss and NE"


def _data(name: str, record: RunRecord) -> str:
    data = record.data
    simulated = ", simulated: never called reproduced" if data.synthetic else ""
    return (
        f"{name} ({data.title}): {data.users:,} users, {data.items:,} items, {data.interactions:,} interactions, "
        f"fingerprint {record.fingerprint[:FINGERPRINT_LENGTH]}{simulated}"
    )


def _software(record: RunRecord) -> str:
    environment = record.environment
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    return versions + (f", commit {environment.git_commit[:7]}" if environment.git_commit else "")


def _machine(record: RunRecord) -> str:
    environment = record.environment
    threads = f"{environment.threads} thread{'s' if environment.threads != 1 else ''}"
    return f"{environment.machine}, {environment.cores} cores, {threads} per run, {environment.device}"


def _cost(records: Sequence[RunRecord]) -> str:
    """Runs and the wall time of their training; of each dataset where there are several."""
    threads = " or ".join(map(str, sorted({record.environment.threads for record in records})))
    each = f"{threads} thread{'s' if threads != '1' else ''} each"
    text = f"{_trained(records)} in all (wall time of training, {each})"
    datasets = dict.fromkeys(record.config.dataset for record in records)
    if len(datasets) == 1:
        return text
    own = {name: [record for record in records if record.config.dataset == name] for name in datasets}
    return f"{text}: {'; '.join(f'{name} {_trained(runs)}' for name, runs in own.items())}"


def _trained(records: Sequence[RunRecord]) -> str:
    minutes = sum(record.timings.training_seconds for record in records) / 60
    return f"{len(records):,} run{'s' if len(records) != 1 else ''}, {minutes:,.1f} minutes"


def _mixed(records: Sequence[RunRecord], describe: Callable[[RunRecord], str]) -> str:
    """One description; several, with their numbers of runs, where the table mixes them."""
    counts: dict[str, int] = {}
    for record in records:
        counts[describe(record)] = counts.get(describe(record), 0) + 1
    if len(counts) == 1:
        return next(iter(counts))
    return "mixed: " + "; ".join(f"{text} ({count} of {len(records)} runs)" for text, count in counts.items())
