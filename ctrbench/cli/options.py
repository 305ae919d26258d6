"""Options that several verbs share."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Downloads and prepared data (else CTRBENCH_DATA, else datasets/).", show_default=False
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Records of runs (else CTRBENCH_RESULTS, else results/).", show_default=False),
]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, help="Runs side by side, one thread each (else one per core; 1 on cuda).", show_default=False),
]
Names = typer.Option(help="Repeatable; several with commas; or all.", show_default=False)
Device = Annotated[str, typer.Option(metavar="cpu|cuda|auto", help="Where to train.")]


def split_names(values: Iterable[str]) -> list[str]:
    """Names of a repeatable option that also takes commas."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def resolve_jobs(jobs: int | None, device: str) -> int:
    """The number of runs side by side.

    Raises:
        CtrbenchError: the device is unknown or absent.
    """
    import joblib

    from ctrbench.experiments.single import resolve_device

    # One accelerator is shared by all jobs; cores are not.
    default = 1 if resolve_device(device).type == "cuda" else joblib.cpu_count()
    return int(jobs or default)
