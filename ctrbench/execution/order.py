"""What the driver sends to a worker that runs a job, and what the worker returns. No torch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctrbench.planning.plan import Job
from ctrbench.store.defaults import Defaults
from ctrbench.store.record import DataFacts, Record

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Order:
    """A job as a worker gets it, without its recipe."""

    job: Job
    defaults: Defaults
    """The defaults of every setting, plug-ins included."""
    columns: tuple[str, ...] = ()
    """Column expressions to measure besides the columns that every job has."""


@dataclass(frozen=True)
class Output:
    """The output of a finished job."""

    record: Record
    facts: DataFacts
    predictions: "pa.Table"
    """``row`` (position in rows.parquet), then the probability of each trained task."""
    representations: "pa.Table | None"
