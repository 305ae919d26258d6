"""A catalogue, prepared data and a runner that train nothing, so that tests see the bookkeeping alone."""

import json
import sys
import time
from pathlib import Path

import pyarrow as pa
from ctrbench.experiments.cell import Catalogue
from ctrbench.experiments.config import ALGORITHM_VERSION, RunConfig
from ctrbench.experiments.execute import Site, execute
from ctrbench.experiments.ledger import Ledger
from ctrbench.experiments.plan import make_plan
from ctrbench.experiments.recipe import Recipe
from ctrbench.experiments.record import DataFacts, Environment, ReferenceRecord, RunRecord, Timings
from pydantic import Field

from ctrbench.data.schema import MANIFEST, Activeness, Manifest, Negatives, SplitCounts, digest, read_manifest
from ctrbench.data.schema import Field as InputField
from ctrbench.errors import CtrbenchError
from ctrbench.metrics.groups import GroupFigures
from ctrbench.registry import Registry
from ctrbench.strict import Strict
from ctrbench.training.history import EpochMetrics

ACTIVENESS = ("non-active", "slightly-active", "highly-active")


class NetSettings(Strict):
    hidden: tuple[int, ...] = (8, 4)
    dropout: float = 0.2


class WeightSettings(Strict):
    weight: float = Field(0.05, gt=0)


class Net:
    Settings = NetSettings


class Plain:
    Settings = Strict

    @classmethod
    def refuses(cls, backbone, data, settings, manifest):
        return None


class Weighted(Plain):
    Settings = WeightSettings


class Picky(Plain):
    @classmethod
    def refuses(cls, backbone, data, settings, manifest):
        if "user" not in data.fields:
            return "it wants the user"
        return "it wants a history" if backbone == "deep" else None


def catalogue() -> Catalogue:
    here = "tests.experiments.fakes"
    return Catalogue(
        Registry("backbone", {"net": f"{here}:Net", "deep": f"{here}:Net"}),
        Registry(
            "method",
            {
                "plain": f"{here}:Plain",
                "weighted": f"{here}:Weighted",
                "diverging": f"{here}:Plain",
                "picky": f"{here}:Picky",
            },
        ),
    )


def manifest(name: str = "toy", *, items: int = 3) -> Manifest:
    counts = SplitCounts(rows=10, positives=5)
    return Manifest(
        name=name,
        title=name.title(),
        labels=("click",),
        users=4,
        items=items,
        interactions=20,
        splits={"train": counts, "validation": counts, "test": counts},
        search_holdout=counts,
        split_rule="By hand.",
        fields=tuple(InputField(name=name, source=name, size=items + 1) for name in ("user", "item")),
        cohorts=(),
        negatives=Negatives(source="sampled"),
        activeness=Activeness(cutoffs=(1, 2), shares=(0.6, 0.3, 0.1)),
        activeness_curve=tuple(range(101)),
        mean_click_length=2.0,
        card_hash="0",
        sources={},
        files={},
        contents={},
    ).sealed()


def prepare(data: Path, name: str = "toy", *, items: int = 3) -> Manifest:
    """Writes what planning reads of a prepared dataset; another number of items has another fingerprint."""
    made = manifest(name, items=items)
    (data / name).mkdir(parents=True, exist_ok=True)
    (data / name / MANIFEST).write_text(json.dumps(made.model_dump(mode="json")))
    return made


def recipe(**changes) -> Recipe:
    document = {
        "name": "toy-table",
        "title": "A toy",
        "datasets": ["toy"],
        "backbones": ["net"],
        "methods": ["plain", "weighted"],
        "seeds": 2,
        "training": {"epochs": 4},
    }
    return Recipe.read({**document, **changes}, "toy-table")


def settings_digest(config: RunConfig) -> str:
    return digest(config.model_dump(mode="json"))


def record(config: RunConfig, found: Manifest) -> RunRecord:
    auc = int(settings_digest(config)[:8], 16) / 16**8
    groups = [("overall", "overall"), *(("activeness", name) for name in ACTIVENESS)]
    metrics = tuple(
        GroupFigures(
            column=column,
            group=group,
            rows=10,
            positives=5,
            auc=auc,
            logloss=1 - auc,
            ne=1.0,
            calibration=1.0,
            clipped=0,
        )
        for column, group in groups
    )
    return RunRecord(
        identity=config.identity(found.fingerprint),
        config=config,
        fingerprint=found.fingerprint,
        algorithm_version=ALGORITHM_VERSION,
        data=facts(found),
        environment=Environment(versions={}, machine="toy", cores=1, threads=1, device="cpu", git_commit=None),
        epochs=tuple(epoch_figures(e + 1, auc=auc) for e in range(config.training.epochs)),
        best_epoch=1,
        metrics=metrics,
        timings=Timings(
            training_seconds=2,
            training_cpu_seconds=2,
            rows_per_second=10,
            evaluation_seconds=0.1,
            peak_memory_mb=1,
        ),
    )


def epoch_figures(epoch: int, *, auc: float = 0.5, logloss: float = 0.5) -> EpochMetrics:
    return EpochMetrics(
        epoch=epoch,
        loss=0.5,
        parts={},
        validation={"click": {"auc": auc, "logloss": logloss}},
        seconds=1,
        cpu_seconds=1,
        rows_per_second=10,
    )


def facts(found: Manifest) -> DataFacts:
    document = found.model_dump()
    return DataFacts(**{name: document[name] for name in DataFacts.model_fields})


def runner(config, *, data, working, device, on_epoch):
    """One line of ``data/log`` per epoch and one after the last; ``data/pause`` slows it, a checkpoint resumes it."""
    checkpoint = working / "checkpoint"
    done = int(checkpoint.read_text()) if checkpoint.exists() else 0
    pause = float((data / "pause").read_text()) if (data / "pause").exists() else 0.0
    found = read_manifest(data / config.dataset)
    name = f"{config.method}-{config.seed}"
    on_epoch([epoch_figures(e) for e in range(1, done + 1)], config.training.epochs)
    for epoch in range(done + 1, config.training.epochs + 1):
        if config.method == "diverging" and epoch == 2:
            raise CtrbenchError("loss is not finite\nin epoch 2")
        time.sleep(pause)
        note(data, f"{name} epoch {epoch}")
        checkpoint.write_text(str(epoch))
        on_epoch([epoch_figures(e) for e in range(1, epoch + 1)], config.training.epochs)
    note(data, f"{name} measured")
    made = record(config, found)
    return made, pa.table({"probability": [made.metrics[0].auc]})


def references(dataset, label, *, data):
    found = read_manifest(data / dataset)
    note(data, f"references {dataset}")
    return [
        ReferenceRecord(
            dataset=dataset,
            reference="random",
            label=label,
            fingerprint=found.fingerprint,
            data=facts(found),
            activeness_curve=found.activeness_curve,
            metrics=(),
        )
    ]


def note(data: Path, line: str) -> None:
    with (data / "log").open("a") as file:
        file.write(line + "\n")


def log(data: Path) -> list[str]:
    return (data / "log").read_text().splitlines() if (data / "log").exists() else []


def make(folder: Path, jobs: int = 1, **changes):
    """Plans and executes the toy recipe in ``folder``."""
    data, ledger = folder / "data", Ledger(folder / "results")
    plan = make_plan(recipe(**changes), data=data, catalogue=catalogue())
    return plan, ledger, execute(plan.runs, Site(ledger, runner, data), jobs=jobs)


if __name__ == "__main__":
    make(Path(sys.argv[1]), jobs=int(sys.argv[2]))
