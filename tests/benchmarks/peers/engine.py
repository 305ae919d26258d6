"""Our engine on the rows that the other libraries get: one model per process.

``python -m tests.benchmarks.peers.engine MODEL KERNELS DATA_FOLDER SCORES.npy`` writes the predicted probabilities of
the test rows and prints one JSON line with the CPU seconds. What is measured is the engine's own epoch, cut into parts;
the first part also draws the negatives of the whole epoch and shuffles it.
"""

import json
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from ctrbench.data.prepared import Prepared
from ctrbench.data.schema import Split
from ctrbench.training.fit import Training, train_epoch
from ctrbench.training.predict import predict
from tests.benchmarks.contestants import engine
from tests.benchmarks.data import BATCH, RATE
from tests.benchmarks.peers.rivals.lap import clock
from tests.benchmarks.peers.rows import PARTS, WARM_UP, measured_batches


def warm_up(training: Training) -> None:
    """Trains on the batches behind the measured ones, and predicts the test rows once."""
    examples = training.feed.epoch(0, 1)
    batches = training.feed.batches(examples[measured_batches(len(examples)) * BATCH :], BATCH)
    generator = torch.Generator().manual_seed(0)
    for batch in islice(batches, WARM_UP):
        training.step(batch, RATE, generator)
    predict(training.backbone, training.feed, Split.TEST)


def main(model: str, kernels: str, folder: str, scores: str) -> None:
    """Measures and reports."""
    torch.set_num_threads(1)
    training = engine(Prepared.read(Path(folder) / "amazon-beauty"), model, "plain", 0, kernels, looks=PARTS)
    warm_up(training)
    seconds, _ = clock(lambda: train_epoch(training, 1))
    prediction, probability = clock(lambda: predict(training.backbone, training.feed, Split.TEST)[:, 0])
    np.save(scores, probability)
    print(json.dumps({"training": seconds, "prediction": prediction}))


if __name__ == "__main__":
    main(*sys.argv[1:])
