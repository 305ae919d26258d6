"""``make bench``: the speed demands of the project, each contestant alone in a process of its own, one after the other.

CPU seconds of the fastest of some epochs, one thread. Prints a table and writes it to ``results/bench.md``.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from tabulate import tabulate

from ctrbench.data.prepared import Prepared
from ctrbench.errors import CtrbenchError
from ctrbench.execution.environment import environment
from ctrbench.execution.run import resolve_device
from ctrbench.places import data_folder, results_folder
from tests.benchmarks import costs

BEAUTY = "amazon-beauty"
EPOCHS, SEEDS = 3, 3
FUSED = (
    *(("din", "plain", 0.0), ("din", "plain", 1e-3), ("din", "icl", 1e-3), ("din", "aqcl", 1e-3)),
    *(("deepfm", "plain", 0.0), ("deepfm", "plain", 1e-3), ("dhen", "plain", 1e-3)),
)
"""Backbone, method and weight of L2 over the tables with which the kernels are compared."""
CONTESTANTS = {
    "engine/din/plain": EPOCHS,
    "bare/din": EPOCHS,
    "padded/din": EPOCHS,
    "engine/deepfm/plain": EPOCHS,
    "bare/deepfm": EPOCHS,
    "engine/wide-deep/plain": EPOCHS,
    "engine/din/dropoutnet": EPOCHS,
    "engine/din/deepmcp": EPOCHS,
    "engine/din/dmr": EPOCHS,
    "engine/din/icl": EPOCHS,
    "engine/din/aqcl": EPOCHS,
}

Result = dict[str, float]
Fused = tuple[str, str, float]
Quotients = dict[str, list[float]]
"""Training and prediction -> quartiles of the reference kernels' CPU seconds over those of the fused ones."""


def measure(name: str, epochs: int, seed: int = 0) -> Result:
    """Runs one contestant on one thread."""
    return alone("contestants", name, str(data_folder()), str(epochs), str(seed))


def alone(module: str, *arguments: str) -> dict[str, Any]:
    """What a module of the benchmarks reports, run in a process of its own on one thread."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    done = subprocess.run(command, env=os.environ | threads, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def mean_auc(name: str, first: Result) -> float:
    """Test AUC over seeds; ``first`` is seed 0's result."""
    others = [measure(name, EPOCHS, seed)["auc"] for seed in range(1, SEEDS)]
    return statistics.mean([first["auc"], *others])


TYPER = """
import typer
app = typer.Typer()
for name in "abcdefghij":
    app.command(name)(lambda: None)
app()
"""
"""A program of as many commands as ours, each without options."""


def help_ratio() -> float:
    """Wall seconds of ``ctrbench --help`` over those of a program by Typer that does nothing, the fastest of five."""
    ctrbench = str(Path(sys.executable).with_name("ctrbench"))
    commands = [ctrbench, "--help"], [sys.executable, "-c", TYPER, "--help"]
    laps = []
    for _ in range(5):
        for command in commands:
            started = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True)
            laps.append(time.perf_counter() - started)
    return min(laps[::2]) / min(laps[1::2])


def demands(
    results: dict[str, Result], fused: dict[Fused, Quotients], measured_costs: dict[str, list[float]]
) -> list[list[object]]:
    """Each demand: what, measured, limit, and whether it holds."""

    def slower(one: str, other: str) -> float:
        return results[one]["seconds"] / results[other]["seconds"]

    din = results["engine/din/plain"]
    faster = slower("padded/din", "engine/din/plain")
    gap = abs(mean_auc("engine/din/plain", din) - mean_auc("padded/din", results["padded/din"]))
    groups, everything = (din[name] / din["seconds"] for name in ("groups_seconds", "all_metrics_seconds"))
    aqcl = slower("engine/din/aqcl", "engine/din/plain")
    helped = help_ratio()
    auc_gap = f"DIN: test AUC against the padded loop's, {EPOCHS} epochs, mean of {SEEDS} seeds"
    bare_din, bare_deepfm = slower("engine/din/plain", "bare/din"), slower("engine/deepfm/plain", "bare/deepfm")
    training, prediction = (fused["din", "plain", 0.0][what][1] for what in ("training", "prediction"))
    with_l2 = fused["din", "plain", 1e-3]["training"][1]
    pwiser, c2al, mmoe = (measured_costs[name][1] for name in ("pwiser", "c2al", "mmoe"))
    rows = [
        ("DIN: CPU seconds against the bare jagged loop", bare_din, "<= 1.10", bare_din <= 1.10),
        ("DeepFM: CPU seconds against the bare jagged loop", bare_deepfm, "<= 1.10", bare_deepfm <= 1.10),
        ("DIN: padded loop's CPU seconds against ours", faster, ">= 4", faster >= 4),
        ("DIN: CPU seconds of a step, reference kernels against fused ones", training, ">= 1.1", training >= 1.1),
        ("DIN with L2 over the table: the same", with_l2, ">= 1.3", with_l2 >= 1.3),
        ("DIN: CPU seconds of prediction, the same", prediction, ">= 1.2", prediction >= 1.2),
        (auc_gap, gap, "< 0.005", gap < 0.005),
        ("four metrics of all groups against one epoch", groups, "<= 0.10", groups <= 0.10),
        ("all metrics of all groups against one epoch", everything, "<= 0.10", everything <= 0.10),
        ("AQCL: CPU seconds against plain DIN", aqcl, "<= 3.5", aqcl <= 3.5),
        (
            "PWiseR on a shared bottom, batch 8,192: CPU seconds of a step against plain",
            pwiser,
            "<= 1.20",
            pwiser <= 1.2,
        ),
        ("C2AL on DHEN: the same", c2al, "<= 1.15", c2al <= 1.15),
        ("MMoE, 8 experts: a loop over them with a loader of single rows against ours", mmoe, ">= 2", mmoe >= 2),
        ("ctrbench --help: seconds against a Typer program of as many commands", helped, "<= 2", helped <= 2),
    ]
    return [[what, round(value, 3), limit, "holds" if holds else "FAILS"] for what, value, limit, holds in rows]


def main() -> int:
    """Measures, prints and writes; the status is 1 where a demand fails."""
    try:
        for name in (BEAUTY, costs.DATASET):
            Prepared.read(data_folder() / name)
    except CtrbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    results = {}
    for name, epochs in CONTESTANTS.items():
        results[name] = measure(name, epochs)
        print(f"{name}: {results[name]['seconds']:.2f} s an epoch", file=sys.stderr)
    fused = {each: alone("pairs", *map(str, each), str(data_folder())) for each in FUSED}
    gains = [
        [
            f"{backbone}/{method}" + (f", L2 {l2:g}" if l2 else ""),
            *(f"{median:.2f} ({low:.2f} to {high:.2f})" for low, median, high in own.values()),
        ]
        for (backbone, method, l2), own in fused.items()
    ]
    speeds = [
        [name, round(r["seconds"], 2), round(r["rows"] / r["seconds"]), round(r["auc"], 4)]
        for name, r in results.items()
    ]
    verdicts = demands(results, fused, alone("costs", str(data_folder())))
    machine = environment(resolve_device("cpu"))
    text = "\n\n".join(
        [
            "# Speed",
            "`make bench`, on Amazon Beauty: 262,826 training rows (one fixed negative per positive), batch 1024, "
            "embedding 32, attention 36, MLP 128-64, one thread, CPU seconds of the fastest of "
            f"{EPOCHS} epochs, one process after the other.",
            tabulate(verdicts, ["demand", "measured", "limit", "verdict"], tablefmt="github"),
            tabulate(speeds, ["contestant", "s / epoch", "rows / s", "test AUC"], tablefmt="github", intfmt=","),
            f"Costs of PWiseR, C2AL and MMoE: on {costs.DATASET}, medians of alternating pairs.",
            "Fused kernels: the reference's CPU seconds over theirs, median and quartiles of alternating pairs.",
            tabulate(gains, ["contestant", "training", "prediction"], tablefmt="github"),
            f"{machine.machine}; torch {machine.versions['torch']}, Python {machine.versions['python']}.",
        ]
    )
    Console().print(text, markup=False, highlight=False)
    (results_folder() / "bench.md").write_text(text + "\n", "utf-8")
    return int(any(row[-1] == "FAILS" for row in verdicts))


if __name__ == "__main__":
    sys.exit(main())
