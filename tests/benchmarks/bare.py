"""Bare loops: jagged histories, fused Adam, and nothing else. What the engine's conveniences are measured against.

The arithmetic is the engine's own (DIN's first attention layer split between query and key), so that the ratio shows
what the harness costs, not what the algebra gains.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.benchmarks.data import ATTENTION, BATCH, DIMENSION, DROPOUT, HIDDEN, RATE, Rows


def jagged(rows: Rows, sequence: Tensor, cut: Tensor) -> tuple[Tensor, Tensor]:
    """Clicked items (N,) of the rows in ``cut`` and the row that owns each."""
    length = rows.length[cut]
    owners = torch.repeat_interleave(length)
    begin = torch.cumsum(length, 0) - length
    place = torch.arange(len(owners)) + (rows.start[cut] - begin)[owners]
    return sequence[place], owners


class BareDIN(nn.Module):
    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, DIMENSION), nn.Embedding(items, DIMENSION)
        self.query, self.key = nn.Linear(DIMENSION, ATTENTION), nn.Linear(DIMENSION, ATTENTION, bias=False)
        self.product = nn.Linear(DIMENSION, ATTENTION, bias=False)
        self.score = nn.Sequential(nn.PReLU(), nn.Linear(ATTENTION, 1))
        self.deep = nn.Sequential(
            nn.Linear(3 * DIMENSION, HIDDEN[0]), nn.PReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN[0], HIDDEN[1]), nn.PReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN[1], 1),
        )  # fmt: skip
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, user: Tensor, item: Tensor, history: Tensor, owners: Tensor) -> Tensor:
        q, k = self.item(item), self.item(history)
        hidden = self.query(q)[owners] + self.key(k) + self.product(q[owners] * k)
        interest = torch.zeros_like(q).index_add(0, owners, self.score(hidden) * k)
        return self.deep(torch.cat([self.user(user), q, interest], 1)).squeeze(1)


class BareDeepFM(nn.Module):
    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, DIMENSION), nn.Embedding(items, DIMENSION)
        self.user_weight, self.item_weight = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.deep = nn.Sequential(
            nn.Linear(3 * DIMENSION, HIDDEN[0]), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN[0], HIDDEN[1]), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN[1], 1),
        )  # fmt: skip
        for table in (self.user, self.item, self.user_weight, self.item_weight):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, user: Tensor, item: Tensor, history: Tensor, owners: Tensor) -> Tensor:
        count = torch.bincount(owners, minlength=len(user)).clamp(min=1).unsqueeze(1)

        def mean(values: Tensor) -> Tensor:
            return torch.zeros(len(user), values.shape[1]).index_add(0, owners, values) / count

        vectors = torch.stack([self.user(user), self.item(item), mean(self.item(history))], 1)
        linear = self.user_weight(user) + self.item_weight(item) + mean(self.item_weight(history))
        pairs = 0.5 * (vectors.sum(1).square() - vectors.square().sum(1)).sum(1)
        return self.deep(vectors.flatten(1)).squeeze(1) + linear.squeeze(1) + pairs


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, rows: Rows, sequence: Tensor) -> None:
    """One epoch of the bare loop."""
    for cut in torch.randperm(len(rows.label)).split(BATCH):
        logits = model(rows.user[cut], rows.item[cut], *jagged(rows, sequence, cut))
        loss = functional.binary_cross_entropy_with_logits(logits, rows.label[cut])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
