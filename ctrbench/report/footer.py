"""The footer of every report: how the numbers were obtained, from what the records say."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple
from typing import NamedTuple

from ctrbench.data.tasks import MEAN
from ctrbench.metrics import METRICS
from ctrbench.metrics.groups import OVERALL
from ctrbench.metrics.row_loss import CLIP
from ctrbench.planning.settings import full_settings
from ctrbench.recipe.row_key import RowKey
from ctrbench.report import naming
from ctrbench.report.cells import Cell
from ctrbench.report.comparable import why_not_comparable
from ctrbench.report.select import ReportData, ReportRow
from ctrbench.report.statistics import REFERENCE_MEANINGS, tasks_of
from ctrbench.report.summary import caution
from ctrbench.report.verdicts import SIGNIFICANT
from ctrbench.report.views.base import BY
from ctrbench.store.record import DataFacts, Record

FINGERPRINT_LENGTH = 12


class Note(NamedTuple):
    """One paragraph of the footer."""

    title: str
    text: str


def footer(data: ReportData, cells: Sequence[Cell], columns: Iterable[str]) -> list[Note]:
    """The notes of a report, from its data, its cells and the columns that cut them; without jobs, only the notes about
    the data."""
    datasets = _datasets(data)
    facts = [Note("Data", "; ".join(map(_data, datasets.values())) + _worlds(data))] if datasets else []
    if not data.rows:
        return facts
    records = list({row.record.identity: row.record for row in data.rows}.values())
    notes = [
        Note("Protocol", _protocol(data, datasets)),
        *([Note("Left out", naming.told(data.refused.items()))] if data.refused else []),
        Note("Negatives", naming.told_by_place(_places(data), [_negatives(data, row) for row in data.rows])),
        *(Note("Groups", text) for column in columns if (text := _groups(data, column))),
        Note("Settings", _settings(data)),
        *([Note("Weights", text)] if (text := _weights(data)) else []),
        Note("Search", _search(data)),
        *([Note("Reading", _reading(data, cells))] if cells else []),
        *([Note("Caution", _sentence(warning))] if (warning := caution(cells)) else []),
        Note("Clipping", _clipping(data)),
    ]
    reasons = {name: why_not_comparable(data.recipe.not_comparable, own) for name, own in datasets.items()}
    if data.recipe.published and any(reasons.values()):
        text = "; ".join(f"{name}: {reason}" for name, reason in reasons.items() if reason)
        notes.append(Note("Not comparable", text))
    return [
        *notes,
        *facts,
        Note("Software", _mixed(records, _software)),
        Note("Machine", _mixed(records, _machine)),
        Note("Cost", _cost(records)),
    ]


def _datasets(data: ReportData) -> dict[str, DataFacts]:
    """Dataset -> the facts of its data."""
    found = {facts.dataset: facts for facts in data.facts}
    return found | {row.key.dataset: row.facts for row in reversed(data.rows)}


def _protocol(data: ReportData, datasets: Mapping[str, DataFacts]) -> str:
    rule = naming.shared((name, facts.split_rule) for name, facts in datasets.items())
    stops = naming.told_by_place(_places(data), [_stop(row.record) for row in data.rows])
    split = "The test split is read once per run, at the end."
    return f"{_sentence(rule.rstrip('.'))} {_sentence(stops)} {split} Equal seeds are paired: same batches."


def _stop(record: Record) -> str:
    training = record.config.training
    unit = "epoch" if training.looks == 1 else "look"
    often = "" if training.looks == 1 else f"; validation is looked at {training.looks} times an epoch"
    end = training.epochs if training.looks == 1 else _count(training.epochs, "epoch")
    return (
        f"training stops after {_count(training.patience, unit)} without a better validation "
        f"{_metric(training.watch)}, or after {end}, and keeps the best {unit}'s weights{often}"
    )


def _count(count: int, unit: str) -> str:
    return f"1 {unit}" if count == 1 else f"{count} {unit}s"


def _metric(watch: str) -> str:
    """``auc``, ``click.auc`` or ``mean.auc`` -> ``AUC``, ``AUC of click`` or ``AUC, mean over the tasks``.

    A label that is a plain word is put in lower case.
    """
    *task, name = watch.rsplit(".", 1)
    label = known.label if (known := METRICS.usable().get(name)) else name
    label = label.lower() if label.istitle() else label
    if task == [MEAN]:
        return f"{label}, mean over the tasks"
    return f"{label} of {task[0]}" if task else label


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _negatives(data: ReportData, row: ReportRow) -> str:
    negatives, own = row.facts.negatives, full_settings(row.record.config, data.defaults)["data"]
    if negatives.source == "impressions":
        return "impressions without a click; none are sampled"
    drawn = "drawn anew each epoch" if own["negatives"] == "fresh" else "drawn once"
    return (
        f"items drawn by {negatives.distribution}; {negatives.per_positive} stored per validation and test positive, "
        f"{own['negatives_per_positive']} per training positive, {drawn}"
    )


def _groups(data: ReportData, by: str) -> str:
    """Number of rows in each group of a column, for every dataset and task; empty if ``by`` does not cut the rows."""
    if by == OVERALL:
        return ""
    several = len(tasks_of(data)) > 1
    facts: dict[str, str] = {}
    for row in data.rows:
        for task, metrics in row.record.tasks.items():
            groups = row.facts.groups.get(metrics.definition, {}).get(by)
            name = f"{row.key.dataset} · {task}" if several else row.key.dataset
            counts = zip(groups.names, groups.rows, groups.positives, strict=True) if groups else ()
            text = ", ".join(f"{group} {rows:,} ({positives:,})" for group, rows, positives in counts)
            facts.setdefault(name, _cut(row.facts, by, text))
    return naming.shared(facts.items())


def _cut(facts: DataFacts, by: str, rows: str) -> str:
    if not rows:
        return f"no column {by}"
    if by != BY:
        return f"rows (positives) by {by}: {rows}"
    (low, high), shares = facts.activeness.cutoffs, facts.activeness.shares
    non, slightly, highly = (f"{share:.1%} of test users" for share in shares)
    return (
        f"click length L = clicks before the row; non-active L <= {low} ({non}), slightly-active L <= {high} "
        f"({slightly}), highly-active L > {high} ({highly}); rows (positives): {rows}"
    )


def _settings(data: ReportData) -> str:
    """Settings that all jobs share, then the settings that dataset, backbone or method decide, or several of them
    together: each setting is told once for the names that decide it."""
    # One job of each row: seeds differ in no setting, but for the note of where cohorts were found.
    first: dict[RowKey, ReportRow] = {}
    for row in data.rows:
        first.setdefault(row.key, row)
    places = [astuple(key) for key in first]
    flat = [_flat(data, row) for row in first.values()]
    decided: dict[tuple[int, ...], list[str]] = {}
    for path in dict.fromkeys(itertools.chain(*flat)):
        decided.setdefault(naming.deciding(places, [own.get(path) for own in flat]), []).append(path)
    told = []
    for parts, paths in sorted(decided.items(), key=lambda item: (len(item[0]), item[0])):
        texts = [_listed({path: own[path] for path in paths if path in own}) for own in flat]
        of_rows = zip(places, texts, strict=True)
        told.append(naming.told((naming.label(place, parts), text) for place, text in of_rows if text))
    return ". ".join(filter(None, told))


def _weights(data: ReportData) -> str:
    """Trained weights of each model that predicts; empty where no record has their number."""
    counted = [row for row in data.rows if row.record.weights is not None]
    if not counted:
        return ""
    numbers = naming.told_by_place(
        [astuple(row.key) for row in counted], [f"{row.record.weights:,}" for row in counted]
    )
    return f"trained weights of the model that predicts, embedding tables included: {numbers}"


def _places(data: ReportData) -> list[naming.Place]:
    return [astuple(row.key) for row in data.rows]


def _flat(data: ReportData, row: ReportRow) -> dict[str, str]:
    """Path of a setting, as ``--set`` takes it -> its value; empty tables are left out."""
    sections = full_settings(row.record.config, data.defaults)
    return {
        f"{section}.{key}": _text(value)
        for section, own in sections.items()
        for key, value in own.items()
        if value != {}
    }


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "+".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _listed(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{path} {text}" for path, text in settings.items())


def _search(data: ReportData) -> str:
    """Trials, the rows that judged them, and the best settings at an edge of the space: better ones may lie beyond."""
    if not data.recipe.search:
        return "0 trials: every method runs with the settings that the recipe fixes"
    search = data.recipe.search
    base = [f"{search.base_trials} of the base"] if search.base_trials else []
    others = [*base, *(f"{count} on {dataset}" for dataset, count in search.trials_on.items())]
    exceptions = f" ({', '.join(others)})" if others else ""
    text = (
        f"{search.trials}{exceptions} trials for each method, dataset and backbone "
        "(fewer points: all of them), judged on rows set aside from training"
    )
    if search.freeze_base:
        text += "; every other method keeps the best settings of the base, and only its own were searched"
    elif data.recipe.compared:
        text += f"; the first trial of every method but {data.recipe.base} has the best settings of {data.recipe.base}"
    if search.seeds > 1:
        text += f"; the best {search.finalists:.0%} ran with {search.seeds} seeds, whose mean chose the settings"
    if not (searched := data.searched):
        return text
    text += f"; {searched.trials:,} trials in all, {searched.finalists:,} of them with every seed"
    text += f", {searched.failed:,} diverged" if searched.failed else ""
    on_edge = [(edge.dataset, edge.backbone, edge.method) for edge in searched.edges]
    names = naming.labels(on_edge, [*on_edge, *(place[:3] for place in _places(data))]) if on_edge else []
    rows: dict[str, list[str]] = {}
    for edge, name in zip(searched.edges, names, strict=True):
        rows.setdefault(f"{edge.path} {edge.value:g}", []).append(name)
    edges = "; ".join(setting + f" ({', '.join(own)})" * any(own) for setting, own in rows.items())
    return text + (f". On the edge of its space: {edges}" if edges else "")


def _reading(data: ReportData, cells: Sequence[Cell]) -> str:
    base = data.recipe.base
    text = (
        f"mean ± sample standard deviation over seeds; a change is the difference to {base}, paired by seed; "
        f"{_errors(data, cells)}; intervals and p are Student's t; those of changes are corrected by Bonferroni for "
        "the methods that the recipe compares, shown or not, in one group and metric, each with all variants that "
        f"leave {base} as it is; a method improves or hurts where p < {SIGNIFICANT}; "
        f"{_margins(cells)}; a dash is undefined (one class, one seed, a base at chance, a group that hangs on one "
        "block of users)."
    )
    if references := dict.fromkeys(cell.method for cell in cells if cell.is_reference):
        meanings = REFERENCE_MEANINGS
        explained = (f"{name} ({meanings[name]})" if name in meanings else name for name in references)
        text += f" No model was trained for {', '.join(explained)}: they say what a metric is worth."
    names = dict.fromkeys(cell.metric for cell in cells)
    shown = [METRICS.get(name) for name in names if name in METRICS.usable()]
    text += "".join(f" {metric.reading}" for metric in shown)
    if any(cell.published is not None for cell in cells):
        by = data.recipe.published_by
        close = ", ".join(f"{metric.label} {metric.tolerance:g}" for metric in shown if metric.tolerance)
        text += (
            " A published value is within if it lies in the 95 % interval of ours"
            + (f" or nearer than the metric's tolerance ({close})" if close else "")
            + f"; otherwise ours is higher or lower. {by[:1].upper()}{by[1:]}'s change is to its own {base}: it agrees "
            "if ours is shown and has its sign, contradicts ours if it lies outside our interval, and is open if it "
            "lies inside."
        )
    return text


def _errors(data: ReportData, cells: Sequence[Cell]) -> str:
    """Which errors the intervals hold."""
    if _world_count(data) > 1:
        return (
            "every seed has a simulated world of its own, so that the spread over seeds, and with it the intervals, "
            "hold the error of training and that of the sample of users"
        )
    errors = [cell.difference.error for cell in cells if cell.difference and cell.difference.error]
    with_users = sum(error.of_users is not None for error in errors)
    both = "the error of training (seeds) and that of the sample of test users (a jackknife over blocks of users)"
    if with_users == len(errors):
        return f"intervals hold {both}"
    alone = (
        "the error of training (seeds) alone, not that of the sample of test users, which is not measured for a metric "
        "or was not stored by these runs"
    )
    return f"intervals hold {both}, or {alone}" if with_users else f"intervals hold {alone}"


def _margins(cells: Sequence[Cell]) -> str:
    """The margins of equivalence, by dataset and metric."""
    margins = dict.fromkeys(
        (cell.dataset, METRICS.get(cell.metric).label, cell.margin) for cell in cells if cell.margin is not None
    )
    if not margins:
        return "no margin is stated within which methods would be equivalent"
    own: dict[str, list[str]] = {}
    for dataset, label, margin in margins:
        own.setdefault(f"{label} {margin:g}", []).append(dataset)
    told = "; ".join(f"{text} ({', '.join(names)})" for text, names in own.items())
    return f"methods are equivalent where the 90 % interval of the change lies within the card's margin: {told}"


def _clipping(data: ReportData) -> str:
    """How many of the predicted rows were clipped, by task."""
    clipped = rows = 0
    for row in {row.record.identity: row for row in data.rows}.values():
        for metrics in row.record.tasks.values():
            clipped += metrics.clipped
            groups = row.facts.groups.get(metrics.definition, {}).get(OVERALL)
            rows += groups.rows[0] if groups else 0
    return (
        f"{clipped:,} of {rows:,} predicted rows, over all runs, were clipped at {CLIP:g} for metrics of probabilities"
    )


def _worlds(data: ReportData) -> str:
    """That the sizes are those of one of several worlds; empty where all jobs share their data."""
    count = _world_count(data)
    text = f"; one of {count} worlds, a world for each seed: the others' users, items and rows are drawn anew"
    return text if count > 1 else ""


def _world_count(data: ReportData) -> int:
    """The number of simulated worlds that the seeds of a row have; 1 where they share their data."""
    return len({row.record.dataset for row in data.rows}) if data.recipe.worlds else 1


def _data(facts: DataFacts) -> str:
    simulated = ", simulated: never called reproduced" if facts.synthetic else ""
    return (
        f"{facts.dataset} ({facts.title}): {facts.users:,} users, {facts.items:,} items, {facts.interactions:,} "
        f"interactions, fingerprint {facts.fingerprint[:FINGERPRINT_LENGTH]}{simulated}"
    )


def _software(record: Record) -> str:
    environment = record.environment
    versions = ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    return versions + (f", commit {environment.git_commit[:7]}" if environment.git_commit else "")


def _machine(record: Record) -> str:
    environment = record.environment
    threads = f"{environment.threads} thread{'s' if environment.threads != 1 else ''}"
    kernels = "" if environment.kernels == "reference" else f", {environment.kernels} kernels"
    return f"{environment.machine}, {environment.cores} cores, {threads} per run, {environment.device}{kernels}"


def _cost(records: Sequence[Record]) -> str:
    """Number of runs and wall time of their training; also for each dataset if the report has several."""
    threads = " or ".join(map(str, sorted({record.environment.threads for record in records})))
    each = f"{threads} thread{'s' if threads != '1' else ''} each"
    text = f"{_trained(records)} in all (wall time of training, {each})"
    datasets = dict.fromkeys(record.dataset for record in records)
    if len(datasets) == 1:
        return text
    own = {name: [record for record in records if record.dataset == name] for name in datasets}
    return f"{text}: {'; '.join(f'{name} {_trained(runs)}' for name, runs in own.items())}"


def _trained(records: Sequence[Record]) -> str:
    minutes = sum(record.timings.training_seconds for record in records) / 60
    return f"{len(records):,} run{'s' if len(records) != 1 else ''}, {minutes:,.1f} minutes"


def _mixed(records: Sequence[Record], describe: Callable[[Record], str]) -> str:
    """The one description of all runs, or, if runs differ, every description with its number of runs."""
    counts: dict[str, int] = {}
    for record in records:
        counts[describe(record)] = counts.get(describe(record), 0) + 1
    if len(counts) == 1:
        return next(iter(counts))
    return "mixed: " + "; ".join(f"{text} ({count} of {len(records)} runs)" for text, count in counts.items())
