"""Reference kernels against fused ones: the same steps and predictions in one process, in alternating pairs.

``python -m tests.benchmarks.pairs BACKBONE METHOD L2 DATA_FOLDER`` prints one JSON line: the reference's CPU seconds
over those of the fused kernels, the median and the quartiles over the pairs.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.training.fit import Training
from ctrbench.training.predict import predict
from tests.benchmarks.contestants import engine
from tests.benchmarks.data import BATCH, RATE

PAIRS, STEPS = 15, 30


def quotients(laps: dict[str, Callable[[], object]]) -> list[float]:
    """CPU seconds of the first lap over those of the second: quartiles over the pairs, each begun by the other lap."""
    first, second = laps
    pairs = []
    for pair in range(PAIRS + 1):
        seconds = {}
        for name in (first, second) if pair % 2 else (second, first):
            started = time.process_time()
            laps[name]()
            seconds[name] = time.process_time() - started
        pairs.append(seconds[first] / seconds[second])
    # The first pair fills the caches.
    return [float(value) for value in np.quantile(pairs[1:], [0.25, 0.5, 0.75])]


def steps(training: Training) -> Callable[[], None]:
    """The same steps of training in every lap, on batches that are drawn beforehand."""
    batches = list(islice(training.feed.batches(training.feed.epoch(0, 1), BATCH), STEPS))

    def lap() -> None:
        generator = torch.Generator().manual_seed(0)
        for batch in batches:
            training.step(batch, RATE, generator)

    return lap


def main(backbone: str, method: str, l2: str, folder: str) -> None:
    """Measures both kinds of kernels, with a weight of coupled L2 over the tables."""
    torch.set_num_threads(1)
    prepared = Prepared.read(Path(folder) / "amazon-beauty")
    runs = {kernels: engine(prepared, backbone, method, 0, kernels, l2=float(l2)) for kernels in ("reference", "fused")}

    def prediction(run: Training) -> Callable[[], object]:
        return lambda: predict(run.backbone, run.feed, Split.TEST)

    result = {
        "training": quotients({name: steps(run) for name, run in runs.items()}),
        "prediction": quotients({name: prediction(run) for name, run in runs.items()}),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
