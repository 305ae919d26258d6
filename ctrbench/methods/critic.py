"""The critics of RMTL: how much logloss the impressions of an episode will cost a task from a row on.

Source: Liu et al., Multi-Task Recommendations with Reinforcement Learning, WWW 2023, arXiv 2302.03328. The targets are
those of TD3 (Fujimoto et al., arXiv 1802.09477) without its noise: the lower of two slowly following copies.

Shape:
    B rows, S size of a state, T tasks.
"""

import copy
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class StateAction:
    """Rows as the critics see them."""

    state: Tensor
    """(B, S) embedded fields."""
    action: Tensor
    """(B, T) predicted probabilities."""


@dataclass(frozen=True)
class Transitions:
    """Rows of episodes, and the next row of each."""

    seen: StateAction
    reward: Tensor
    """(B, T)"""
    following: StateAction
    """The next rows; any rows where an episode ended."""
    ended: Tensor
    """(B,) bool: the row is the last of its episode."""


def reward(action: Tensor, labels: Tensor) -> Tensor:
    """y log a + (1 - y) log(1 - a), the negative logloss of each row and task (B, T)."""
    return -functional.binary_cross_entropy(action, labels, reduction="none")


class Critics(nn.Module):
    """For each task two critics, Q = -ReLU(net(state, action)), and a slowly following copy of both.

    Their parameters are frozen for the run's optimizer: :class:`CriticTrainer` trains them.
    """

    def __init__(self, state: int, tasks: int, hidden: int) -> None:
        super().__init__()
        self.tasks = tasks
        self.nets = nn.ModuleList(_net(state + 1, hidden) for _ in range(2 * tasks))
        self.copies = copy.deepcopy(self.nets)
        self.requires_grad_(False)

    def forward(self, seen: StateAction) -> Tensor:
        """Q (B, T) of the first critic of each task; at most 0."""
        return _values(self.nets, seen, self.tasks)[:, 0]

    def target(self, transitions: Transitions, discount: float) -> Tensor:
        """(B, T): the reward and, unless the episode ended, ``discount`` times the copies' lower Q at the next row."""
        lower = _values(self.copies, transitions.following, self.tasks).amin(1)
        return transitions.reward + discount * torch.where(transitions.ended[:, None], 0, lower)


class CriticTrainer:
    """Trains critics for as long as it is open, with an Adam that ends with it."""

    def __init__(self, critics: Critics, *, rate: float, discount: float, follow: float) -> None:
        self.critics, self.discount, self.follow = critics, discount, follow
        self.adam = torch.optim.Adam(critics.nets.parameters(), lr=rate)

    def __enter__(self) -> Self:
        self.critics.nets.requires_grad_(True)
        return self

    def __exit__(self, *_: object) -> None:
        self.critics.requires_grad_(False)

    def step(self, transitions: Transitions) -> Tensor:
        """One step on the mean squared distance of both critics of every task to the target, which it returns; then the
        copies move a share ``follow`` of the way to the critics."""
        critics = self.critics
        with torch.no_grad():
            target = critics.target(transitions, self.discount)
        error = (_values(critics.nets, transitions.seen, critics.tasks) - target[:, None]).square().mean()
        self.adam.zero_grad()
        error.backward()
        self.adam.step()
        with torch.no_grad():
            for copied, net in zip(critics.copies.parameters(), critics.nets.parameters(), strict=True):
                copied.lerp_(net, self.follow)
        return error.detach()


def _net(inputs: int, hidden: int) -> nn.Sequential:
    last = nn.Linear(hidden, 1)
    # Embeddings start near 0, so all rows start alike: below 0, no row would ever send a gradient through the ReLU.
    nn.init.ones_(last.bias)
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), last)


def _values(nets: nn.ModuleList, seen: StateAction, tasks: int) -> Tensor:
    """Q (B, 2, T) of the nets, which are ordered by critic and then by task."""
    inputs = [torch.cat([seen.state, seen.action[:, place % tasks, None]], 1) for place in range(len(nets))]
    values = torch.cat([net(each) for net, each in zip(nets, inputs, strict=True)], 1)
    return -functional.relu(values).view(-1, 2, tasks)
