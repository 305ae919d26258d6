"""``make bench-peers``: our engine and the grouped metrics against other libraries, each in an environment of its own.

Every round runs each contestant once, in a process of its own on one thread, and compares CPU seconds within the round.
Prints tables and writes ``results/bench-peers.md``; the status is 1 where a goal is missed or results disagree.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from tabulate import tabulate

from ctrbench.data.prepared import Prepared
from ctrbench.errors import CtrbenchError
from ctrbench.execution.environment import environment
from ctrbench.execution.run import resolve_device
from ctrbench.metrics.auc import auc
from ctrbench.places import data_folder, results_folder
from tests.benchmarks.data import BATCH
from tests.benchmarks.peers import groups, rows
from tests.benchmarks.peers.environments import HERE, PEERS, install, last_line, python_of
from tests.benchmarks.peers.libraries import EXACT, GROUPED, GROUPED_OURS, JUDGED, OURS, TRAINING, Library, Model
from tests.benchmarks.peers.report import Laps, goal, notes, table

LIMITS: dict[Model, float] = {"din": 6, "deepfm": 3}
GROUPED_LIMITS = dict(zip(groups.GROUPS, (1, 10), strict=True))
TITLES: dict[Model, str] = {"din": "DIN", "deepfm": "DeepFM"}


class DisagreementError(Exception):
    """A library's AUC by group differs from scikit-learn's."""


def alone(command: Sequence[str | Path], folder: Path | None = None) -> dict[str, Any]:
    """What a script reports, run in a process of its own on one thread.

    Raises:
        RuntimeError: the script failed; says why.
    """
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(command, env=os.environ | threads, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(last_line(done.stderr))
    return json.loads(done.stdout.splitlines()[-1])


def ours(module: str, *arguments: str | Path) -> dict[str, Any]:
    """What a module of ours reports."""
    return alone([sys.executable, "-m", f"tests.benchmarks.peers.{module}", *arguments])


def theirs(rival: Library, *arguments: str | Path) -> dict[str, Any]:
    """What a rival's script reports; whatever files it leaves lie in a folder that goes away."""
    with tempfile.TemporaryDirectory() as folder:
        script = (HERE / "rivals" / f"{rival.script}.py").absolute()
        return alone([python_of(rival.environment), script, *arguments], Path(folder))


class Bench:
    """The measurements of one run, in ``folder`` for the files that go between processes."""

    def __init__(self, folder: Path, problems: dict[str, str]) -> None:
        """``problems`` says of environments why they cannot be installed."""
        self.folder, self.problems = folder, problems
        self.rows, self.scores, self.values = (folder / name for name in ("rows.npz", "scores.npy", "values.npy"))
        self.models = {model: Laps(JUDGED[model]) for model in TITLES}
        self.grouped = {count: Laps(GROUPED_OURS) for count in groups.GROUPS}
        self.versions: dict[str, str] = {}
        for laps, rivals in [
            *((m, TRAINING) for m in self.models.values()),
            *((g, GROUPED) for g in self.grouped.values()),
        ]:
            for rival in rivals:
                if rival.environment in problems:
                    laps.fail(rival.name, f"cannot be installed: {problems[rival.environment]}")

    def write_rows(self, prepared: Prepared) -> None:
        """Writes the rows of all comparisons."""
        rows.write(prepared, self.rows)
        for count in groups.GROUPS:
            groups.write(self.group_rows(count), count)

    def group_rows(self, count: int) -> Path:
        """The file of the rows in this many groups."""
        return self.folder / f"grouped-{count}.npz"

    def model_round(self, model: Model) -> None:
        """Trains and predicts with every library once."""
        laps = self.models[model]
        for name, kernels in OURS[model].items():
            measured = ours("engine", model, kernels, data_folder().absolute(), self.scores)
            laps.add(name, measured | {"test AUC": self.auc()})
            report_lap(model, name, measured["training"])
        for rival in TRAINING:
            if measured := self.rival_lap(laps, rival, model, self.rows, self.scores):
                laps.add(rival.name, measured | {"test AUC": self.auc()})
                report_lap(model, rival.name, measured["training"])

    def grouped_round(self, count: int) -> None:
        """Measures the AUC of every group with every library once.

        Raises:
            DisagreementError: a library's values are not scikit-learn's.
        """
        laps, values = self.grouped[count], dict[str, np.ndarray]()
        path = self.group_rows(count)
        laps.add(GROUPED_OURS, ours("groups", path, self.values))
        values[GROUPED_OURS] = np.load(self.values)
        report_lap(f"{count} groups", GROUPED_OURS, laps.seconds[GROUPED_OURS][-1]["evaluation"])
        for rival in GROUPED:
            if measured := self.rival_lap(laps, rival, path, self.values):
                laps.add(rival.name, measured)
                values[rival.name] = np.load(self.values)
                report_lap(f"{count} groups", rival.name, measured["evaluation"])
        if EXACT not in values:
            raise DisagreementError(f"{count} groups: {EXACT} was not measured, so no result can be checked")
        for name, of_name in values.items():
            difference = groups.disagreement(path, values[EXACT], of_name)
            if not difference <= groups.TOLERANCE:
                raise DisagreementError(f"{count} groups: {name} differs from {EXACT} by {difference:.2g}")

    def rival_lap(self, laps: Laps, rival: Library, *arguments: str | Path) -> dict[str, float] | None:
        """Runs a rival, unless it was given up; gives it up where it fails."""
        if rival.name in laps.failures:
            return None
        try:
            measured = theirs(rival, *arguments)
        except RuntimeError as error:
            laps.fail(rival.name, f"cannot be run: {error}")
            print(f"{rival.name}: {error}", file=sys.stderr)
            return None
        self.versions |= {
            name: version for name, version in measured.pop("versions").items() if name not in {"torch", "numpy"}
        }
        return measured

    def auc(self) -> float:
        """Of the scores that the last process left."""
        with np.load(self.rows) as file:
            value = auc(file["test_label"], np.load(self.scores))
        assert value is not None
        return value

    def verdicts(self) -> list[list[object]]:
        """All goals."""
        of_models = [
            goal(f"{TITLES[model]}, training", laps, TRAINING, "training", LIMITS[model])
            for model, laps in self.models.items()
        ]
        of_groups = [
            goal(f"AUC by {count:,} groups", laps, GROUPED, "evaluation", GROUPED_LIMITS[count])
            for count, laps in self.grouped.items()
        ]
        return of_models + of_groups


def report_lap(task: str, name: str, seconds: float) -> None:
    """Says on stderr how far the bench is."""
    print(f"{task}: {name}: {seconds:.2f} s", file=sys.stderr)


def page(bench: Bench, verdicts: list[list[object]], rounds: int, grouped_rounds: int) -> str:
    """The page, as Markdown."""
    machine = environment(resolve_device("cpu"), "fused")
    with np.load(bench.rows) as file:
        trained, tested = len(file["train_label"]), len(file["test_label"])
    versions = machine.versions | bench.versions
    parts = [
        "# Speed beside other libraries",
        f"`make bench-peers`, {datetime.datetime.now(datetime.UTC).date()}. CPU seconds on one thread, each library in "
        "an environment and a process of its own; a ratio above 1 says that ctrbench is faster. Ratios are taken "
        "within a round; the tables show medians (least to most), none rounded in our favour.",
        tabulate(verdicts, ["goal", "measured", "limit", "verdict"], tablefmt="github"),
        f"Training: {trained:,} rows of Amazon Beauty (half of an epoch, one fixed negative per positive, the last 50 "
        f"clicks), batch {BATCH}, embedding 32, attention 36, MLP 128-64, Adam; prediction: {tested:,} test rows; "
        f"{rounds} rounds. The test AUC after half an epoch shows that a model learns, and is no comparison: the "
        "libraries start from other weights.",
    ]
    for model, laps in bench.models.items():
        parts += [
            f"## {TITLES[model]}",
            table(laps, TRAINING, ["training", "prediction"], {"test AUC": lambda v: round(v, 4)}),
        ]
    parts += [
        "What each library was given:",
        notes(TRAINING),
        "## AUC by group",
        f"{groups.ROWS:,} rows in groups of about equal size; {grouped_rounds} rounds. All values agree with "
        f"{EXACT}'s to {groups.TOLERANCE:g}.",
    ]
    for count, laps in bench.grouped.items():
        parts += [f"{count:,} groups:", table(laps, GROUPED, ["evaluation"], {})]
    parts += [
        notes(GROUPED),
        f"{machine.machine}, {machine.cores} cores, load average {os.getloadavg()[2]:.1f}; "
        + ", ".join(f"{name} {v}" for name, v in versions.items())
        + ".",
    ]
    return "\n\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Installs, writes the rows, measures, prints and writes the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of training and prediction")
    parser.add_argument("--grouped-rounds", type=int, default=3, help="rounds of AUC by group")
    options = parser.parse_args(arguments)
    try:
        prepared = Prepared.read(data_folder() / "amazon-beauty")
    except CtrbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    PEERS.mkdir(parents=True, exist_ok=True)
    names = dict.fromkeys(rival.environment for rival in [*TRAINING, *GROUPED])
    problems = {name: reason for name in names if (reason := install(name))}
    with tempfile.TemporaryDirectory(dir=PEERS) as folder:
        bench = Bench(Path(folder).absolute(), problems)
        bench.write_rows(prepared)
        try:
            for _ in range(options.grouped_rounds):
                for count in groups.GROUPS:
                    bench.grouped_round(count)
            for _ in range(options.rounds):
                for model in TITLES:
                    bench.model_round(model)
        except (DisagreementError, RuntimeError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        verdicts = bench.verdicts()
        text = page(bench, verdicts, options.rounds, options.grouped_rounds)
    Console().print(text, markup=False, highlight=False)
    (results_folder() / "bench-peers.md").write_text(text + "\n", "utf-8")
    return int(any(row[-1] == "FAILS" for row in verdicts))


if __name__ == "__main__":
    sys.exit(main())
