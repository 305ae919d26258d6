"""Options that several verbs share."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from ctrbench.errors import CtrbenchError

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Downloads and prepared data (else CTRBENCH_DATA, else datasets/).", show_default=False
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Records of jobs (else CTRBENCH_RESULTS, else results/).", show_default=False),
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Jobs side by side, one thread each (else one per core; 1 on cuda).", show_default=False),
]
Names = typer.Option(help="Repeatable; or several names with commas; or all.", show_default=False)
Device = Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to train.")]
Kernels = Annotated[
    str,
    typer.Option(
        metavar="auto|reference|fused",
        help="Layers as torch operations or fused by numba (needs ctrbench[fast], on a CPU); auto: fused if possible.",
    ),
]
Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Run the jobs on this Ray cluster, such as auto or HOST:6379 (needs ctrbench[cluster]).",
        show_default=False,
    ),
]
By = Annotated[
    list[str],
    typer.Option(
        metavar="COLUMN",
        help="Repeatable: a cohort column, COLUMN/BUCKETS for quantiles, or COLUMN*COLUMN.",
        show_default=False,
    ),
]


def split_names(values: Iterable[str]) -> list[str]:
    """Names of a repeatable option that also takes commas.

    Raises:
        CtrbenchError: an empty value, such as that of an unset variable, which would otherwise mean all names.
    """
    values = list(values)
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    if values and not names:
        raise CtrbenchError("an option for names has an empty value; leave it out, or name something")
    return names


def resolve_jobs(jobs: int | None, device: str) -> int:
    """The number of jobs side by side.

    Raises:
        CtrbenchError: the device is unknown or absent.
    """
    import joblib

    from ctrbench.execution.run import resolve_device

    # All jobs would share the one accelerator; each has a core of its own.
    default = 1 if resolve_device(device).type == "cuda" else joblib.cpu_count()
    return int(jobs or default)
