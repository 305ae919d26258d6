"""The work of jobs that train nothing, a log of what it did, and a driver of it that tests can kill.

A job is a chain of numbers, each made of the one before, so that a job that resumes wrongly ends with other numbers.
"""

import contextlib
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import sleep

import pyarrow as pa

from ctrbench.data.schema import digest, read_manifest
from ctrbench.errors import DivergedError
from ctrbench.execution.drive import Outcome, RunContext, drive
from ctrbench.execution.handover import Assignment, Handover
from ctrbench.execution.local import LocalExecutor
from ctrbench.execution.order import Order, Output
from ctrbench.planning.plan import Plan, make_plan
from ctrbench.store.store import Store
from ctrbench.training.history import EpochMetrics
from tests.fakes.recipes import recipe
from tests.fakes.records import epoch_metrics, facts, record
from tests.fakes.registries import registries


def work(assignment: Assignment, data: Path):
    """A job whose every epoch leaves a line in ``data/log`` and takes as long as ``data/pause`` says."""
    order: Order = assignment.config
    config = order.job.config
    name, at_most = f"{config.method}-{config.seed}", config.training.epochs
    pause = float((data / "pause").read_text()) if (data / "pause").exists() else 0.0
    losses = json.loads(assignment.checkpoint) if assignment.checkpoint else []
    yield _handover(assignment, losses, at_most)
    while len(losses) < at_most:
        if config.method == "diverging" and len(losses) == 1:
            raise DivergedError("the loss is not finite\nin epoch 2")
        sleep(pause)
        note(data, f"{name} epoch {len(losses) + 1}")
        losses.append(int(digest([name, *losses])[:8], 16) / 16**8)
        yield _handover(assignment, losses, at_most)
    note(data, f"{name} measured")
    manifest = read_manifest(data / config.dataset)
    made = record(config, manifest, epochs=_epochs(losses))
    definitions = [metrics.definition for metrics in made.tasks.values()]
    columns = {"row": [0], **{task: [losses[-1]] for task in config.data.tasks}}
    return Output(made, facts(manifest, definitions), pa.table(columns), None)


def _handover(assignment: Assignment, losses: Sequence[float], at_most: int) -> Handover:
    return Handover(assignment.identity, _epochs(losses), at_most, json.dumps(losses).encode() if losses else None)


def _epochs(losses: Sequence[float]) -> tuple[EpochMetrics, ...]:
    return tuple(replace(epoch_metrics(number), loss=loss) for number, loss in enumerate(losses, 1))


def note(data: Path, line: str) -> None:
    with (data / "log").open("a") as file:
        file.write(line + "\n")


def log(data: Path) -> list[str]:
    """The lines of the log that are written to their end."""
    text = (data / "log").read_text() if (data / "log").exists() else ""
    return text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]


def toy_plan(place: Path, **changes) -> Plan:
    """The plan of the toy recipe on ``place/data``."""
    return make_plan(recipe(**changes), data=place / "data", registries=registries())


def drive_toy(place: Path, jobs: int = 1, **changes) -> tuple[Plan, Store, list[Outcome]]:
    """Plans the toy recipe on ``place/data`` and drives its jobs; results lie in ``place/results``."""
    plan, store = toy_plan(place, **changes), Store.of(place / "results")
    with contextlib.closing(LocalExecutor(place / "data", jobs=jobs)) as executor:
        return plan, store, drive(plan.jobs, RunContext(store, executor, work, registries().defaults()))


if __name__ == "__main__":
    drive_toy(Path(sys.argv[1]), jobs=int(sys.argv[2]))
