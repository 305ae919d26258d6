"""One contestant per process: trains some epochs on one thread and prints one JSON line.

``python -m tests.benchmarks.contestants NAME DATA_FOLDER EPOCHS SEED``
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ctrbench.backbones.kernels import use_kernels
from ctrbench.data.examples import Feed
from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.measure.columns import columns_of
from ctrbench.metrics.auc import auc
from ctrbench.metrics.measure import measure
from ctrbench.metrics.sample import Sample
from ctrbench.training.build import build
from ctrbench.training.fit import Training, train_epoch
from ctrbench.training.predict import predict
from ctrbench.training.settings import TrainingSettings
from tests.benchmarks import bare, padded
from tests.benchmarks.data import BATCH, rows_of, settings

Lap = Callable[[], object]
CHUNK = 8192
FOUR = ("auc", "logloss", "ne", "calibration")
"""The metrics of every record from the first on."""


def engine(
    prepared: Prepared,
    backbone: str,
    method: str,
    seed: int,
    kernels: str = "reference",
    *,
    looks: int = 1,
    l2: float = 0.0,
) -> Training:
    """The engine before its first epoch, of which ``train_epoch`` trains one of ``looks`` parts at a time."""
    options, feed = TrainingSettings(batch_size=BATCH, looks=looks, embedding_l2=l2), Feed(prepared, settings())
    feed.unlock(Split.TEST)
    names = {"backbone": backbone, "method": method, "seed": seed}
    modules = build(feed, options, **names, backbone_settings={}, method_settings={})
    use_kernels(kernels, feed.device, *modules)
    return Training(*modules, feed, options, seed)


def run_engine(training: Training) -> tuple[Lap, Callable[[], np.ndarray]]:
    """The engine's own epoch and prediction."""
    epochs = itertools.count(1)
    return (
        lambda: train_epoch(training, next(epochs)),
        lambda: predict(training.backbone, training.feed, Split.TEST)[:, 0],
    )


def run_bare(prepared: Prepared, model: nn.Module) -> tuple[Lap, Callable[[], np.ndarray]]:
    """A bare loop."""
    train, test = rows_of(prepared, Split.TRAIN), rows_of(prepared, Split.TEST)
    sequence, optimizer = prepared.sequence.long(), bare.adam(model)

    def predicted() -> np.ndarray:
        cuts = torch.arange(len(test.label)).split(CHUNK)
        return evaluated(model, (model(test.user[c], test.item[c], *bare.jagged(test, sequence, c)) for c in cuts))

    return lambda: bare.train_epoch(model, optimizer, train, sequence), predicted


def run_padded(prepared: Prepared, model: nn.Module) -> tuple[Lap, Callable[[], np.ndarray]]:
    """The padded loop."""
    train, test = rows_of(prepared, Split.TRAIN), rows_of(prepared, Split.TEST)
    sequence, optimizer = prepared.sequence.long(), padded.adam(model)
    history, test_history = padded.pad(train, sequence), padded.pad(test, sequence)

    def predicted() -> np.ndarray:
        cuts = torch.arange(len(test.label)).split(CHUNK)
        return evaluated(model, (model(test.user[c], test.item[c], test_history[c]) for c in cuts))

    return lambda: padded.train_epoch(model, optimizer, train, history), predicted


@torch.no_grad()
def evaluated(model: nn.Module, logits: Iterator[Tensor]) -> np.ndarray:
    """Probabilities, without dropout."""
    model.eval()
    return torch.sigmoid(torch.cat(list(logits))).double().numpy()


def contestant(name: str, prepared: Prepared, seed: int) -> tuple[Lap, Callable[[], np.ndarray]]:
    """The epoch and the prediction of a named contestant."""
    sizes = prepared.manifest.users + 1, prepared.manifest.items + 1
    match name.split("/"):
        case ["bare", "din"]:
            return run_bare(prepared, bare.BareDIN(*sizes))
        case ["bare", "deepfm"]:
            return run_bare(prepared, bare.BareDeepFM(*sizes))
        case ["padded", "din"]:
            return run_padded(prepared, padded.PaddedDIN(*sizes))
        case ["engine", backbone, method, *kernels]:
            return run_engine(engine(prepared, backbone, method, seed, *kernels))
    raise SystemExit(f"unknown contestant {name}")


def measure_seconds(prepared: Prepared, probability: np.ndarray, metrics: Sequence[str] | None) -> float:
    """CPU seconds of metrics (None: all that are registered) of all groups of the test split."""
    rows = prepared.indices(Split.TEST)
    label, user = rows_of(prepared, Split.TEST).label.numpy(), prepared.per_row("row", "user", rows)
    started = time.process_time()
    measure(Sample(label, probability, user), columns_of(prepared, rows), metrics)
    return time.process_time() - started


def main(name: str, folder: str, epochs: str, seed: str) -> None:
    """Trains and reports."""
    torch.set_num_threads(1)
    torch.manual_seed(int(seed))
    prepared = Prepared.read(Path(folder) / "amazon-beauty")
    lap, predicted = contestant(name, prepared, int(seed))
    seconds = []
    for _ in range(int(epochs)):
        started = time.process_time()
        lap()
        seconds.append(time.process_time() - started)
    started = time.process_time()
    probability = predicted()
    result = {
        "name": name,
        "rows": len(rows_of(prepared, Split.TRAIN).label),
        "seconds": min(seconds),
        "predict_seconds": time.process_time() - started,
        "groups_seconds": measure_seconds(prepared, probability, FOUR),
        "all_metrics_seconds": measure_seconds(prepared, probability, None),
        "auc": auc(rows_of(prepared, Split.TEST).label.numpy(), probability),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
