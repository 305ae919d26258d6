"""What the scripts of this folder share: the rows, the clock and the report.

Each script runs inside its library's environment, so this file imports numpy and torch alone.
``python SCRIPT.py MODEL ROWS.npz SCORES.npy`` trains MODEL on the rows, writes the predicted probabilities of the test
rows to SCORES.npy and prints one JSON line with the CPU seconds of both.

Shape:
    E rows: ``user``, ``item`` (E,) int64 from 1, ``history`` (E, L) int64, oldest click first, 0 behind the last,
    ``length`` (E,) int64 number of clicks, ``label`` (E,) float32.
"""

import json
import math
import resource
import statistics
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

Columns = dict[str, np.ndarray]
Tensors = dict[str, torch.Tensor]

COLUMNS = ("user", "item", "history", "length", "label")


@dataclass(frozen=True)
class Sizes:
    """Sizes that every library is given; ``users`` and ``items`` count the padding 0 too."""

    users: int
    items: int
    batch: int
    embedding: int
    attention: int
    hidden: list[int]
    history: int
    dropout: float
    rate: float


@dataclass(frozen=True)
class Contestant:
    """One model of one library."""

    load: Callable[[Columns, int], Any]
    """Rows and batch size -> what the library reads batches from; not measured."""
    train: Callable[[Any], None]
    """One pass over loaded rows."""
    predict: Callable[[Any], np.ndarray]
    """Probabilities of loaded rows."""
    batch: int
    """Rows at once in prediction."""


class Slices:
    """Batches as slices of resident tensors: no loader hands out batches for less."""

    def __init__(self, columns: Columns, size: int) -> None:
        self.columns = {name: torch.from_numpy(values) for name, values in columns.items()}
        self.size = size

    def __len__(self) -> int:
        return math.ceil(len(self.columns["label"]) / self.size)

    def __iter__(self) -> Iterator[Tensors]:
        for begin in range(0, len(self.columns["label"]), self.size):
            yield {name: values[begin : begin + self.size] for name, values in self.columns.items()}


def clock(lap: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of a call, those of processes that it starts and awaits included, and what it returns."""
    started = _cpu_seconds()
    result = lap()
    return _cpu_seconds() - started, result


def _cpu_seconds() -> float:
    of_both = (resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(used.ru_utime + used.ru_stime for used in of_both)


def run(library: str, make: Callable[[str, Sizes], Contestant]) -> None:
    """Measures the model that the command line names, after a warm-up on rows of their own."""
    model, path, scores = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with np.load(path) as file:
        sizes = Sizes(**json.loads(str(file["sizes"])))
        parts = {
            part: {column: file[f"{part}_{column}"] for column in COLUMNS} for part in ("warm_up", "train", "test")
        }
    contestant = make(model, sizes)
    contestant.train(contestant.load(parts["warm_up"], sizes.batch))
    contestant.predict(contestant.load(parts["warm_up"], contestant.batch))
    rows, test = contestant.load(parts["train"], sizes.batch), contestant.load(parts["test"], contestant.batch)
    training, _ = clock(lambda: contestant.train(rows))
    prediction, probability = clock(lambda: contestant.predict(test))
    np.save(scores, np.asarray(probability, np.float64).reshape(-1))
    print(json.dumps({"training": training, "prediction": prediction, "versions": versions(library)}))


def run_grouped(library: str, auc_by_group: Callable[[Columns, int], np.ndarray]) -> None:
    """Measures AUC by group: ``python SCRIPT.py ROWS.npz VALUES.npy``, after a warm-up on a fiftieth of the rows.

    The median of up to five laps, of fewer where they take more than two seconds together.
    The columns are ``group`` (E,) int64 in [0, G), ``label`` (E,) int64 and ``score`` (E,) float64. The values are (G,)
    with NaN where a group holds one class only, or (1,): the mean of these groups, weighted by their rows.
    """
    path, values = sys.argv[1:]
    torch.set_num_threads(1)
    with np.load(path) as file:
        columns = {name: file[name] for name in ("group", "label", "score")}
        groups = int(file["groups"])
    some = {name: column[: len(column) // 50].copy() for name, column in columns.items()}
    some["group"] %= 3
    for _ in range(2):  # torch compiles a script in its first two calls
        auc_by_group(some, 3)
    laps: list[float] = []
    while len(laps) < 5 and sum(laps) < 2:
        seconds, measured = clock(lambda: auc_by_group(columns, groups))
        laps.append(seconds)
    np.save(values, measured)
    print(json.dumps({"evaluation": statistics.median(laps), "versions": versions(library)}))


def sorted_groups(columns: Columns, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and scores, group by group, and where each of the G groups begins, (G + 1,)."""
    order = np.argsort(columns["group"], kind="stable")
    begin = np.zeros(groups + 1, np.int64)
    np.cumsum(np.bincount(columns["group"], minlength=groups), out=begin[1:])
    return columns["label"][order], columns["score"][order], begin


def mixed_groups(label: np.ndarray, begin: np.ndarray) -> Iterator[tuple[int, slice]]:
    """The groups with rows of both classes, and where their rows are, given the result of :func:`sorted_groups`."""
    for group in range(len(begin) - 1):
        part = slice(begin[group], begin[group + 1])
        if 0 < label[part].sum() < begin[group + 1] - begin[group]:
            yield group, part


def versions(library: str) -> dict[str, str]:
    """Of the library and of what it runs on."""
    return {library: version(library), "torch": torch.__version__, "numpy": np.__version__}
