"""Predictions of a job -> its metrics, by task, column and group.

Shape: R rows, T trained tasks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ctrbench.data.examples import Targets
from ctrbench.data.prepared import Prepared
from ctrbench.data.tasks import Tasks
from ctrbench.measure.blocks import changes, user_blocks
from ctrbench.measure.columns import columns_of, data_facts
from ctrbench.measure.truth import real_probability, true_probability
from ctrbench.metrics.measure import Measured, measure
from ctrbench.metrics.sample import Sample
from ctrbench.recipe.column import within
from ctrbench.store.record import LEFT_OUT_COLUMNS, DataFacts, Groups, TaskMetrics


@dataclass(frozen=True)
class Measurement:
    """The metrics of a job, and the facts of the data with the groups that they belong to."""

    tasks: dict[str, TaskMetrics]
    facts: DataFacts


def stored_targets(prepared: Prepared, rows: Tensor, tasks: Tasks) -> Targets:
    """The targets of stored rows (R,), such as the test split's."""
    columns = {label: prepared.rows[label][rows].cpu().numpy() for label in tasks.columns}
    users = prepared.rows["user"][rows].cpu().numpy()
    return Targets(tasks.labels(columns), tasks.observed(columns), users)


def measure_job(
    prepared: Prepared,
    rows: Tensor,
    tasks: Tasks,
    targets: Targets,
    predicted: NDArray[np.floating],
    *,
    expressions: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    by_group: bool = True,
) -> Measurement:
    """Measures every task of a job.

    Args:
        prepared: the data.
        rows: (R,) positions of the measured rows.
        tasks: tasks of the job.
        targets: targets of the rows.
        predicted: (R, T) probabilities of the trained tasks.
        expressions: columns to measure besides those that every job has, also without each block of users.
        metrics: names; None for all registered metrics.
        by_group: False measures only all rows together, and nothing by the true probabilities: rows that settings are
            chosen on.

    Raises:
        CtrbenchError: an unknown column or metric.
    """
    columns, synthetic = columns_of(prepared, rows, expressions) if by_group else {}, prepared.manifest.synthetic
    by_block = (*LEFT_OUT_COLUMNS, *expressions)
    found: dict[str, TaskMetrics] = {}
    groups: dict[str, dict[str, Groups]] = {}
    for task, probability in tasks.probabilities(predicted).items():
        observed = targets.observed[task]
        chosen = np.flatnonzero(observed) if observed is not None else slice(None)
        truth = true_probability(prepared, rows, tasks, task)[chosen] if by_group and synthetic else None
        real = real_probability(prepared, rows, tasks, task) if by_group else None
        conversion = tasks.after(task)
        sample = Sample(
            targets.of(task),
            probability[chosen],
            targets.users[chosen],
            truth=truth,
            real=None if real is None else real[chosen],
            converted=targets.labels[conversion][chosen] if conversion else None,
        )
        measured = measure(
            sample,
            {name: (codes[chosen], names) for name, (codes, names) in columns.items()},
            metrics,
            blocks=user_blocks(targets.users[chosen]) if by_group else None,
            by_block=by_block,
            within=[name for name in columns if within(name)],
        )
        definition = tasks.definition(task)
        left_out = {
            metric: {column: changes(measured.values[metric][column], left) for column, left in own.items()}
            for metric, own in measured.left_out.items()
        }
        found[task] = TaskMetrics(
            definition=definition, clipped=measured.clipped, values=measured.values, left_out=left_out
        )
        groups[definition] = groups_of(measured)
    return Measurement(found, data_facts(prepared.manifest).model_copy(update={"groups": groups if by_group else {}}))


def groups_of(measured: Measured) -> dict[str, Groups]:
    """The measured groups, in the form that the facts of the data store."""
    return {
        column: Groups(names=own.names, rows=own.rows, positives=own.positives)
        for column, own in measured.groups.items()
    }
