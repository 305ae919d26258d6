"""Reference rows to compare models with, for which nothing is trained.

*Item popularity* ranks by the clicks of the training rows. *Item id* ranks by the number of an item: its place in the
order in which items first appear in the raw file, or in the simulated catalogue. Away from 0.5, its AUC shows what that
order gives away, which a model may learn from ids and histories too: in a file ordered by product, how equal times were
ordered and what the product's number says of its age; in a file ordered by time, how early an item was first seen, so
that popular items come first and the AUC may lie below 0.5. *Clicked before* ranks by how often the user clicked the
item before the row: the count, since it ranks all that the mere fact ranks, and what is bought every week before what
was bought once. It shows what memory alone gives where users come back to items; a sampled negative is an item that the
user never clicks, so there only positives can have been clicked before. *Random* scores show what chance gives. On
simulated data the *oracle* has the true probabilities of the labels: where accidental clicks depend on what is shown,
other scores can have a higher Real AUC.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Manifest, Split
from ctrbench.data.settings import DataSettings
from ctrbench.data.tasks import Tasks
from ctrbench.measure.columns import columns_of, data_facts
from ctrbench.measure.job import groups_of, stored_targets
from ctrbench.measure.repeats import earlier_clicks
from ctrbench.measure.truth import real_probability, true_probability
from ctrbench.metrics import METRICS
from ctrbench.metrics.groups import OVERALL
from ctrbench.metrics.measure import measure
from ctrbench.metrics.sample import Sample
from ctrbench.recipe.column import within
from ctrbench.store.record import DataFacts, Groups, Reference, ReferenceRecord
from ctrbench.store.store import Store


def measure_references(
    manifest: Manifest, wanted: Iterable[DataSettings], *, store: Store, data: Path, expressions: Sequence[str] = ()
) -> None:
    """Measures and stores the reference rows of a dataset for every task of some jobs, unless they are stored already.

    They are measured again where the data changed, or where a metric or a column is new.

    Args:
        manifest: manifest of the dataset.
        wanted: sections ``[data]`` of the jobs.
        store: stores the rows.
        data: folder of the prepared data.
        expressions: columns to measure besides those that every job has.

    Raises:
        CtrbenchError: the prepared data or the results folder cannot be read or written.
    """
    key = manifest.fingerprint, manifest.measuring_fingerprint
    columns = {each for each in expressions if each != OVERALL}
    stored = {
        (row.task, row.reference): row.values.keys()
        for row in store.references(manifest.name)
        if (row.fingerprint, row.measuring_fingerprint) == key and row.columns.issuperset(columns)
    }
    prepared: Prepared | None = None
    for settings in wanted:
        tasks = Tasks.of(settings, manifest.labels, manifest.name)
        for task in tasks.names:
            conversions, definition = tasks.after(task) is not None, tasks.definition(task)
            if all(
                stored.get((definition, kind), set()) >= set(_metrics(manifest, kind, conversions=conversions))
                for kind in references_of(manifest)
            ):
                continue
            prepared = prepared or Prepared.read(data / manifest.name)
            facts, rows = reference_rows(prepared, tasks, task, expressions)
            store.write_references(facts, rows)
            stored |= {(row.task, row.reference): row.values.keys() for row in rows}


def references_of(manifest: Manifest) -> tuple[Reference, ...]:
    """The references that a dataset has."""
    repeats: tuple[Reference, ...] = ("clicked_before",) if manifest.mean_click_length else ()
    truth: tuple[Reference, ...] = ("oracle",) if manifest.synthetic else ()
    return ("popularity", "item_id", *repeats, "random", *truth)


def reference_rows(
    prepared: Prepared, tasks: Tasks, task: str, expressions: Sequence[str] = ()
) -> tuple[DataFacts, list[ReferenceRecord]]:
    """The facts of the data, and one record per reference, on the test rows on which a task is defined."""
    manifest, rows = prepared.manifest, prepared.indices(Split.TEST)
    targets = stored_targets(prepared, rows, tasks)
    observed = targets.observed[task]
    chosen = np.arange(len(rows)) if observed is None else np.flatnonzero(observed)
    # Cut on all test rows, as for a job: quantiles of the rows of one task would differ.
    cuts = columns_of(prepared, rows, expressions).items()
    columns = {name: (codes[chosen], names) for name, (codes, names) in cuts}
    label, users, rows = targets.of(task), targets.users[chosen], rows[torch.from_numpy(chosen)]
    real = real_probability(prepared, rows, tasks, task)
    conversion = tasks.after(task)
    converted = targets.labels[conversion][chosen] if conversion else None
    groups: dict[str, Groups] = {}
    records = []
    for name, score in _scores(prepared, rows, tasks, task).items():
        probabilities = name == "oracle"
        truth = score if probabilities else None
        sample = Sample(label, score, users, probabilities=probabilities, truth=truth, real=real, converted=converted)
        metrics = _metrics(manifest, name, conversions=conversion is not None)
        measured = measure(sample, columns, metrics, within=[name for name in columns if within(name)])
        groups = groups_of(measured)
        records.append(
            ReferenceRecord(
                dataset=manifest.name,
                reference=name,
                task=tasks.definition(task),
                fingerprint=manifest.fingerprint,
                measuring_fingerprint=manifest.measuring_fingerprint,
                probabilities=probabilities,
                constant=bool((score == score[:1]).all()),
                values=measured.values,
            )
        )
    facts = data_facts(manifest).model_copy(update={"groups": {tasks.definition(task): groups}})
    return facts, records


def _metrics(manifest: Manifest, reference: Reference, *, conversions: bool) -> list[str]:
    """Names of the metrics that are defined for the oracle's probabilities, or for scores that only rank the rows."""
    return [
        name
        for name, metric in METRICS.usable().items()
        if (reference == "oracle" or not metric.needs_probabilities)
        and (manifest.synthetic or not metric.needs_truth)
        and (conversions or not metric.needs_conversions)
    ]


def _scores(prepared: Prepared, rows: Tensor, tasks: Tasks, task: str) -> dict[Reference, NDArray[np.float64]]:
    """Reference -> score of each row."""
    item = prepared.rows["item"][rows].long()
    scores: dict[Reference, NDArray[np.float64]] = {
        "popularity": prepared.items["popularity"][item].double().numpy(),
        "item_id": item.double().numpy(),
    }
    if prepared.manifest.mean_click_length:
        scores["clicked_before"] = earlier_clicks(prepared, rows).astype(np.float64)
    scores["random"] = np.random.default_rng(0).random(len(rows))
    if prepared.manifest.synthetic:
        scores["oracle"] = true_probability(prepared, rows, tasks, task)
    return scores
