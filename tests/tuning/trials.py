"""Trials that train nothing, and a search of them that tests can kill."""

import contextlib
import math
import sys
from pathlib import Path
from time import sleep

import pyarrow as pa

from ctrbench.data.schema import digest, read_manifest
from ctrbench.errors import CtrbenchError, DivergedError
from ctrbench.execution.drive import RunContext
from ctrbench.execution.handover import Assignment, Handover
from ctrbench.execution.local import LocalExecutor
from ctrbench.execution.order import Order, Output
from ctrbench.planning.registries import Registries
from ctrbench.planning.settings import full_settings
from ctrbench.recipe.recipe import Recipe
from ctrbench.store.identity import JobConfig
from ctrbench.store.record import TaskMetrics
from ctrbench.store.store import Store
from ctrbench.training.history import EpochMetrics
from ctrbench.tuning.search import search
from tests.fakes.recipes import recipe
from tests.fakes.records import facts, record
from tests.fakes.registries import registries
from tests.fakes.work import note

SPACE = {"training.penalty": {"low": 1e-5, "high": 1e-1, "log": True}, "method.weight": {"choices": [0.01, 0.05, 0.1]}}


def searched(**changes) -> Recipe:
    """The toy recipe with a search of six trials over ``SPACE``, on one seed."""
    return recipe(search={"trials": 6, "seeds": 1, "space": SPACE, **changes.pop("search", {})}, **changes)


def name_of(config: JobConfig) -> str:
    """What the log calls a trial."""
    return digest(config.model_dump(mode="json"))


def work(assignment: Assignment, data: Path):
    """Every task's logloss is lowest, and its AUC highest, at weight 0.1 and at penalty 1e-3 (conversion: 1e-4); it
    falls to that look by look, and stands at the end of an epoch where it would with one look per epoch.

    Where the data folder has a file ``luck``, weight 0.05 wins with seed 1000 alone; where it has ``unstable``, 0.1
    diverges with seed 1002."""
    order: Order = assignment.config
    config = order.job.config
    weight = full_settings(config, order.defaults)["method"].get("weight", 0)
    note(data, name_of(config))
    if config.training.penalty > 0.05 or weight > 1:
        raise DivergedError("diverged")
    if (data / "busy").exists():
        raise CtrbenchError("out of memory")
    if (data / "unstable").exists() and config.seed == 1002 and weight == 0.1:
        raise DivergedError("diverged")
    best = {"click": -3, "conversion": -4}
    lucky = (data / "luck").exists() and weight == 0.05
    luck = (0.2 if config.seed == 1000 else -0.2) if lucky else 0.0
    far = {
        task: abs(math.log10(config.training.penalty) - best[task]) + 1 - weight - luck for task in config.data.tasks
    }
    most, looks = config.training.most_looks, config.training.looks
    epochs = tuple(_look(number, looks, far) for number in range(1, most + 1))
    for done in range(int(assignment.checkpoint or 0), most + 1):
        yield Handover(assignment.identity, epochs[:done], len(epochs), str(done).encode() if done else None)
        sleep(float((data / "pause").read_text()) if (data / "pause").exists() else 0.0)
        note(data, f"{name_of(config)} epoch {done}")
    manifest = read_manifest(data / config.dataset)
    values = {
        task: {"auc": {"overall": [1 / (1 + own)]}, "logloss": {"overall": [own]}, "ne": {"overall": [own]}}
        for task, own in far.items()
    }
    tasks = {task: TaskMetrics(definition=task, values=own) for task, own in values.items()}
    cohorts = ("age_group",) if config.method == "seeing" else ()
    made = record(config, manifest, cohorts=cohorts, epochs=epochs, best_epoch=len(epochs), tasks=tasks)
    return Output(made, facts(manifest, ()), pa.table({"row": [0]}), None)


def _look(number: int, looks: int, far: dict[str, float]) -> EpochMetrics:
    losses = {task: own + looks / number for task, own in far.items()}
    validation = {task: {"auc": 1 / (1 + loss), "logloss": loss} for task, loss in losses.items()}
    return EpochMetrics(
        epoch=number, loss=0.5, parts={}, validation=validation, seconds=1.0, cpu_seconds=1.0, rows_per_second=10.0
    )


def find_all(place: Path, recipe: Recipe, *, jobs: int = 1, among: Registries | None = None, **options):
    """What a search of a recipe ends with on ``place/data``; trials lie in ``place/results``."""
    store, known = Store.of_searches(place / "results"), among or registries()
    with contextlib.closing(LocalExecutor(place / "data", jobs=jobs)) as executor:
        context = RunContext(store, executor, work, known.defaults())
        return search(recipe, context, data=place / "data", registries=known, **options)


if __name__ == "__main__":
    find_all(Path(sys.argv[1]), searched(), jobs=int(sys.argv[2]))
