"""Which look's weights each run keeps, by variant, and how many runs keep the same look as with the first variant."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ctrbench.errors import NothingToShowError
from ctrbench.recipe.row_key import RowKey
from ctrbench.report.frame import Frame
from ctrbench.report.select import ReportData
from ctrbench.report.views.base import View, ViewData
from ctrbench.store.record import Record

COLUMNS = ("dataset", "backbone", "method", "variant", "runs", "kept look", "looks", "alike", "compared")

Kept = dict[RowKey, dict[int, Record]]
"""Row -> seed -> record."""


class KeptLooks(View):
    """See the module's docstring. A row per dataset, backbone, method and variant."""

    def show(self, data: ReportData) -> list[ViewData]:
        """One table.

        Raises:
            NothingToShowError: the recipe has fewer than two variants, or none of its runs is finished.
        """
        variants = list(data.recipe.variants)
        if len(variants) < 2:
            raise NothingToShowError(f"{data.recipe.name}: has no two variants whose kept looks could be compared")
        kept: Kept = {}
        for row in data.rows:
            kept.setdefault(row.key, {})[row.record.seed] = row.record
        if not kept:
            raise NothingToShowError(f"{data.recipe.name}: no finished run; start with {data.recipe.command('run')}")
        lines = [_line(key, own, kept.get(replace(key, variant=variants[0]), {})) for key, own in kept.items()]
        return [
            ViewData(
                kind=self.spec.kind,
                title=self.title(data),
                source=Frame.of(COLUMNS, lines),
                reading=(
                    "Means over the runs: the look whose weights are kept, and the looks of a run. Alike are the runs "
                    f"that keep the same look as the run of their seed with {variants[0]}. "
                    + " ".join(_told(line, variants[0]) for line in lines if line[3] != variants[0])
                ),
            )
        ]


def _line(key: RowKey, own: Mapping[int, Record], first: Mapping[int, Record]) -> tuple[str | int | float, ...]:
    paired = [(record, first[seed]) for seed, record in own.items() if seed in first]
    return (
        *key.names.values(),
        key.variant,
        len(own),
        float(np.mean([record.best_epoch for record in own.values()])),
        float(np.mean([len(record.epochs) for record in own.values()])),
        sum(record.best_epoch == other.best_epoch for record, other in paired),
        len(paired),
    )


def _told(line: Sequence[str | int | float], first: str) -> str:
    dataset, _, method, variant, *_, alike, compared = line
    return f"{method} on {dataset}: {alike} of {compared} runs keep the same look with {variant} as with {first}."
