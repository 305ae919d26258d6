"""A hand-made batch, a backbone and a method in double precision, and formulas computed row by row."""

import math

import torch

from ctrbench.data.batch import Batch
from ctrbench.training.build import build
from ctrbench.training.settings import TrainingSettings

HISTORIES = [[], [7], [3, 9], [4, 4, 8, 2], [5, 6, 1]]
TARGETS = [2, 11, 9, 6, 4]
LABELS = [1.0, 1.0, 0.0, 1.0, 1.0]


def make(feed, name, backbone="din", **settings):
    """A backbone without dropout and with large embeddings, so that every term counts."""
    modules = build(
        feed,
        TrainingSettings(),
        backbone=backbone,
        method=name,
        seed=0,
        backbone_settings={"embedding_size": 4, "hidden": (6, 3), "dropout": 0.0, "embedding_std": 1.0},
        method_settings=settings,
    )
    return tuple(module.double() for module in modules)


def hand_made(feed, histories=HISTORIES) -> Batch:
    """Rows of the fields user, item, brand, age; the first has no clicks."""
    columns = feed.items.columns
    targets, clicks = torch.tensor(TARGETS), torch.tensor([i for row in histories for i in row], dtype=torch.int64)
    lengths = torch.tensor([len(row) for row in histories])
    rows = torch.arange(len(histories), dtype=torch.int32)
    return Batch(
        ids=torch.stack([rows + 1, *columns[targets].unbind(1), rows % 5 + 1], 1),
        history=columns[clicks],
        offsets=torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]),
        owners=torch.repeat_interleave(lengths),
        labels=torch.tensor(LABELS, dtype=torch.double).unsqueeze(1),
        click_length=lengths.double(),
    )


class Drawn:
    """In place of a sampler: items counted off from 1."""

    def draw(self, count, generator):
        return torch.arange(count, dtype=torch.int32) % 12 + 1


def vectors(backbone, feed, item) -> torch.Tensor:
    """An item's embeddings side by side (G * D), looked up without the backbone's help."""
    starts, total = {}, 0
    for field in feed.inputs.fields:
        starts[field.name], total = total, total + field.size
    brand = int(feed.prepared.items["brand"][item])
    weight = backbone.embedding.weight
    return torch.cat([weight[starts["item"] + item], weight[starts["brand"] + brand]])


def log_s(x: torch.Tensor) -> float:
    """ln s(x)."""
    return -math.log1p(math.exp(-x.item()))


def logloss(logits, labels=LABELS) -> float:
    """Mean over rows."""
    rows = list(zip(logits, labels, strict=True))
    return -sum(log_s(x) if y else log_s(-x) for x, y in rows) / len(rows)
