"""A report: cells, tables for reading and footer, ready for any format."""

from collections.abc import Sequence
from dataclasses import dataclass

from ctrbench.experiments.record import ReferenceRecord
from ctrbench.experiments.tables import Entry, TableSpec
from ctrbench.report.cells import Cell
from ctrbench.report.comparison import cells
from ctrbench.report.footer import Note, footer
from ctrbench.report.layout import Block, blocks

MISSING_NAMED = 6
"""Missing runs that are named one by one; the JSON names all."""


@dataclass(frozen=True)
class Report:
    """Everything that a format writes down."""

    spec: TableSpec
    finished: int
    """Number of runs behind the cells."""
    missing: tuple[str, ...]
    """Runs of the table that have no record, in words."""
    cells: tuple[Cell, ...]
    blocks: tuple[Block, ...]
    notes: tuple[Note, ...]

    @property
    def incomplete(self) -> str | None:
        """What is missing, in one sentence; None where every run is there."""
        return incomplete(self.missing, self.finished)


def incomplete(missing: Sequence[str], finished: int, what: str = "runs") -> str | None:
    """What is missing, in one sentence; None where nothing is."""
    if not missing:
        return None
    named = "; ".join(missing[:MISSING_NAMED])
    more = f"; and {len(missing) - MISSING_NAMED} more" if len(missing) > MISSING_NAMED else ""
    return f"{len(missing)} of {finished + len(missing)} {what} missing: {named}{more}"


def build(
    spec: TableSpec,
    entries: Sequence[Entry],
    references: Sequence[ReferenceRecord],
    missing: Sequence[str] = (),
    by: str = "activeness",
) -> Report:
    """Fills a table, as far as its records go.

    Raises:
        CtrbenchError: as :func:`ctrbench.report.comparison.cells`.
    """
    found = cells(spec, entries, references, by)
    return Report(
        spec=spec,
        finished=len(entries),
        missing=tuple(missing),
        cells=tuple(found),
        blocks=tuple(blocks(found, spec.base)),
        notes=tuple(footer(spec, entries, found, by)),
    )
