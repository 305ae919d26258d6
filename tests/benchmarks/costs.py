"""What a method costs beside plain training, and a mixture of experts beside a loop over them, in alternating pairs.

``python -m tests.benchmarks.costs DATA_FOLDER`` prints one JSON line: for each comparison, the quartiles over the pairs
of CPU seconds over CPU seconds.
"""

import json
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset

from ctrbench.data.batch import Batch
from ctrbench.data.prepared import Prepared
from ctrbench.data.settings import DataSettings
from ctrbench.training.build import build, feed_for
from ctrbench.training.fit import Training
from ctrbench.training.settings import TrainingSettings
from tests.benchmarks.pairs import quotients

DATASET = "oncold-sim@scale=0.01"
DATA = DataSettings(
    fields=("user", "item", "category", "surface", "age"), tasks=("click", "conversion"), minimum_history=0
)
NO_HISTORY = DATA.model_copy(update={"history_length": 0})
C2AL = {"head": ["user_value_group = highest"], "tail": ["user_value_group = lowest"]}
EXPERTS, EMBEDDING, EXPERT, TOWER, DROPOUT = 8, 32, 64, 32, 0.2
STEPS = 20
MMOE_BATCH = 2048
"""The batch of the public multi-task library."""

Named = tuple[str, Mapping[str, Any]]
"""A component and its settings."""


def run_of(prepared: Prepared, backbone: Named, method: Named, batch: int, data: DataSettings) -> Training:
    """The engine before its first step."""
    feed = feed_for(*method, prepared, data)
    options = TrainingSettings(batch_size=batch, learning_rate=1e-3)
    names = {"backbone": backbone[0], "method": method[0], "seed": 0}
    modules = build(feed, options, **names, backbone_settings=backbone[1], method_settings=method[1])
    return Training(*modules, feed, options, 0)


def steps(run: Training, *, drawn: bool) -> Callable[[], None]:
    """The same steps of training in every lap; with ``drawn``, making their batches is part of it."""
    examples, size = run.feed.epoch(0, 1), run.settings.batch_size
    examples = examples[torch.arange(min(len(examples), STEPS * size))]
    known = None if drawn else list(islice(run.feed.batches(examples, size), STEPS))

    def lap() -> None:
        generator = torch.Generator().manual_seed(0)
        for batch in known or run.feed.batches(examples, size):
            run.step(batch, 1e-3, generator)

    return lap


class RowWise(Dataset[tuple[Tensor, Tensor]]):
    """Rows, one at a time: ids (F,) and labels (T,)."""

    def __init__(self, batches: list[Batch]) -> None:
        self.ids = torch.cat([batch.ids for batch in batches]).long().numpy()
        self.labels = torch.cat([batch.labels for batch in batches]).numpy()

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        return torch.as_tensor(self.ids[row]), torch.as_tensor(self.labels[row])


class LoopedMMoE(nn.Module):
    """The same mixture as public libraries write it: a list of experts, a list of gates, an embedding per field."""

    def __init__(self, sizes: list[int], tasks: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size, EMBEDDING) for size in sizes)
        size = len(sizes) * EMBEDDING
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(size, EXPERT), nn.ReLU(), nn.Dropout(DROPOUT)) for _ in range(EXPERTS)
        )
        self.gates = nn.ModuleList(nn.Sequential(nn.Linear(size, EXPERTS), nn.Softmax(1)) for _ in range(tasks))
        self.towers = nn.ModuleList(
            nn.Sequential(nn.Linear(EXPERT, TOWER), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(TOWER, 1))
            for _ in range(tasks)
        )

    def forward(self, ids: Tensor) -> Tensor:
        x = torch.cat([table(column) for table, column in zip(self.tables, ids.unbind(1), strict=True)], 1)
        said = torch.stack([expert(x) for expert in self.experts], 1)
        mixtures = [torch.bmm(gate(x).unsqueeze(1), said).squeeze(1) for gate in self.gates]
        return torch.cat([tower(mixture) for tower, mixture in zip(self.towers, mixtures, strict=True)], 1)


def looped(run: Training) -> Callable[[], None]:
    """The looped mixture on the rows of the engine's steps, through a loader of single rows."""
    examples, size = run.feed.epoch(0, 1), run.settings.batch_size
    rows = RowWise(list(islice(run.feed.batches(examples, size), STEPS)))
    model = LoopedMMoE([field.size for field in run.feed.inputs.fields], len(DATA.tasks))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def lap() -> None:
        for ids, labels in DataLoader(rows, batch_size=size):
            loss = functional.binary_cross_entropy_with_logits(model(ids), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return lap


def main(folder: str) -> None:
    """Measures the three comparisons."""
    torch.set_num_threads(1)
    prepared = Prepared.read(Path(folder) / DATASET)
    plain: Named = ("plain", {})
    result = {}
    for name, backbone, method, batch in (
        ("pwiser", "shared-mlp", ("pwiser", {}), 8192),
        ("c2al", "dhen", ("c2al", C2AL), 1024),
    ):
        laps = {
            each[0]: steps(run_of(prepared, (backbone, {}), each, batch, DATA), drawn=False) for each in (method, plain)
        }
        result[name] = quotients(laps)
    mixture = run_of(prepared, ("mmoe", {"experts": EXPERTS, "expert": [EXPERT]}), plain, MMOE_BATCH, NO_HISTORY)
    result["mmoe"] = quotients({"looped": looped(mixture), "mmoe": steps(mixture, drawn=True)})
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
