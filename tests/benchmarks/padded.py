"""A plain PyTorch loop: resident tensors, histories padded to 50, Adam as it comes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.benchmarks.data import ATTENTION, BATCH, DIMENSION, DROPOUT, HIDDEN, HISTORY, RATE, Rows


class PaddedDIN(nn.Module):
    def __init__(self, users: int, items: int) -> None:
        super().__init__()
        self.user, self.item = nn.Embedding(users, DIMENSION), nn.Embedding(items, DIMENSION)
        self.attention = nn.Sequential(nn.Linear(4 * DIMENSION, ATTENTION), nn.PReLU(), nn.Linear(ATTENTION, 1))
        self.deep = nn.Sequential(
            nn.Linear(3 * DIMENSION, HIDDEN[0]), nn.PReLU(), nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN[0], HIDDEN[1]), nn.PReLU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN[1], 1),
        )  # fmt: skip
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, user: Tensor, item: Tensor, history: Tensor) -> Tensor:
        k = self.item(history)
        q = self.item(item)
        wide = q.unsqueeze(1).expand_as(k)
        weight = self.attention(torch.cat([wide, k, wide - k, wide * k], 2)) * (history > 0).unsqueeze(2)
        return self.deep(torch.cat([self.user(user), q, (weight * k).sum(1)], 1)).squeeze(1)


def pad(rows: Rows, sequence: Tensor) -> Tensor:
    """Histories (E, 50), 0 behind the last click."""
    place = rows.start.unsqueeze(1) + torch.arange(HISTORY)
    valid = torch.arange(HISTORY) < rows.length.unsqueeze(1)
    return sequence[place.clamp(max=len(sequence) - 1)] * valid


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, rows: Rows, history: Tensor) -> None:
    """One epoch."""
    for cut in torch.randperm(len(rows.label)).split(BATCH):
        logits = model(rows.user[cut], rows.item[cut], history[cut])
        loss = functional.binary_cross_entropy_with_logits(logits, rows.label[cut])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=RATE)
