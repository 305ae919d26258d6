"""What the driver sends a worker that makes a job, and what it gets back. No torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctrbench.planning.plan import Job
from ctrbench.store.defaults import Defaults
from ctrbench.store.record import DataFacts, Record

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Order:
    """What a worker is told of a job; it knows no recipe."""

    job: Job
    defaults: Defaults
    """Of every setting, plug-ins included."""
    columns: tuple[str, ...] = ()
    """Column expressions to measure beside the columns that every job has."""


@dataclass(frozen=True)
class Output:
    """What a finished job leaves."""

    record: Record
    facts: DataFacts
    predictions: "pa.Table"
    """``row`` (position in rows.parquet), then the probability of each trained task."""
    representations: "pa.Table | None"
